"""The engine of quantized layers. There is one implementation; the name is what programs set and read."""
engine = "x86"
supported_engines = ["qnnpack", "onednn", "x86", "fbgemm"]
