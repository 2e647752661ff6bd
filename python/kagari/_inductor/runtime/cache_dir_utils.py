"""Where generated code would be kept."""
import getpass
import os
import re
import tempfile

__all__ = ["cache_dir", "default_cache_dir"]


def default_cache_dir():
    """A folder of the user's in the folder for temporary files."""
    return os.path.join(tempfile.gettempdir(), "torchinductor_" + re.sub(r'[\\/:*?"<>|]', "_", getpass.getuser()))


def cache_dir():
    """TORCHINDUCTOR_CACHE_DIR, else the default; the folder is made."""
    path = os.environ.get("TORCHINDUCTOR_CACHE_DIR") or default_cache_dir()
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = path
    os.makedirs(path, exist_ok=True)
    return path
