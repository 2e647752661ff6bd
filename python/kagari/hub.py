"""Models from folders with a hubconf.py, and files from the network."""
import contextlib
import hashlib
import importlib.util
import os
import re
import sys
import tempfile

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
DEFAULT_CACHE_DIR = "~/.cache"
ENV_TORCH_HOME, ENV_XDG_CACHE_HOME = "TORCH_HOME", "XDG_CACHE_HOME"
MODULE_HUBCONF = "hubconf.py"
VAR_DEPENDENCY = "dependencies"
READ_DATA_CHUNK = 128 * 1024
_hub_dir = None


def __getattr__(name):
    if name == "tqdm":
        try:
            from tqdm.auto import tqdm
        except ImportError:
            raise AttributeError("module 'torch.hub' has no attribute 'tqdm': the package tqdm is not installed") from None
        return tqdm
    if name == "MAP_LOCATION":
        from kagari.serialization import MAP_LOCATION
        return MAP_LOCATION
    if name == "urlparse":
        from urllib.parse import urlparse
        return urlparse
    raise AttributeError(f"module 'torch.hub' has no attribute {name!r}")


def _get_torch_home():
    return os.path.expanduser(os.getenv(ENV_TORCH_HOME, os.path.join(os.getenv(ENV_XDG_CACHE_HOME, DEFAULT_CACHE_DIR), "torch")))


def get_dir():
    """Folder of downloaded models: TORCH_HOME/hub, by default ~/.cache/torch/hub."""
    return _hub_dir if _hub_dir is not None else os.path.join(_get_torch_home(), "hub")


def set_dir(d):
    """Sets the folder of downloaded models."""
    global _hub_dir
    _hub_dir = os.path.expanduser(d)


def _entry_module(repo, source):
    """The module hubconf.py of a local folder."""
    if source not in ("local", "github"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "github":
        raise NotImplementedError("torch.hub: repositories cannot be downloaded; clone the repository and use source='local'")
    path = os.path.join(repo, MODULE_HUBCONF)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path} does not exist")
    sys.path.insert(0, str(repo))
    try:
        spec = importlib.util.spec_from_file_location("hubconf", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(repo))
    missing = [name for name in getattr(module, VAR_DEPENDENCY, None) or [] if name != "torch" and importlib.util.find_spec(name) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    return module


def _entry(module, name):
    found = getattr(module, name, None)
    if not callable(found):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return found


def load(repo_or_dir, model, *args, source="github", trust_repo="check", force_reload=False, verbose=True, skip_validation=False, **kwargs):
    """Calls the entry `model` of a folder's hubconf.py. Only source='local' is supported."""
    return _entry(_entry_module(repo_or_dir, source), model)(*args, **kwargs)


def list(github, force_reload=False, skip_validation=False, trust_repo="check", verbose=True, source="local"):
    """Names of the entries of a folder's hubconf.py."""
    module = _entry_module(github, source)
    return [name for name in dir(module) if callable(getattr(module, name)) and not name.startswith("_")]


def help(github, model, force_reload=False, skip_validation=False, trust_repo="check", source="local"):
    """Documentation of an entry of a folder's hubconf.py."""
    return _entry(_entry_module(github, source), model).__doc__


def download_url_to_file(url, dst, hash_prefix=None, progress=True):
    """Downloads to a file, which appears only when it is complete and its SHA-256 begins with hash_prefix.

    Raises RuntimeError for a wrong hash, URLError if there is no connection.
    """
    from urllib.request import Request, urlopen
    dst = os.path.expanduser(dst)
    digest = hashlib.sha256()
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(dst)), prefix=os.path.basename(dst) + ".", suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as out, urlopen(Request(url, headers={"User-Agent": "torch.hub"})) as source:
            while chunk := source.read(READ_DATA_CHUNK):
                out.write(chunk)
                digest.update(chunk)
        if hash_prefix is not None and not digest.hexdigest().startswith(hash_prefix):
            raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}")')
        os.replace(temporary, dst)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def load_state_dict_from_url(url, model_dir=None, map_location=None, progress=True, check_hash=False, file_name=None, weights_only=False):
    """Loads a checkpoint from a URL, keeping it in model_dir (by default get_dir()/checkpoints)."""
    import kagari
    from urllib.parse import urlparse
    model_dir = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    os.makedirs(model_dir, exist_ok=True)
    path = os.path.join(model_dir, file_name or os.path.basename(urlparse(url).path))
    if not os.path.exists(path):
        match = HASH_REGEX.search(os.path.basename(path)) if check_hash else None
        download_url_to_file(url, path, match.group(1) if match else None, progress)
    return kagari.load(path, map_location=map_location, weights_only=weights_only)
