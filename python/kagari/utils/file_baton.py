"""A file by which processes take turns."""
import os
import time

__all__ = ["FileBaton"]


class FileBaton:
    """Who makes the file has the turn; the others wait until it is gone."""

    def __init__(self, lock_file_path, wait_seconds=0.1, warn_after_seconds=None):
        self.lock_file_path, self.wait_seconds, self.warn_after_seconds, self.fd = lock_file_path, wait_seconds, warn_after_seconds, None

    def try_acquire(self):
        """Whether this process has the turn now."""
        try:
            self.fd = os.open(self.lock_file_path, os.O_CREAT | os.O_EXCL)
            return True
        except FileExistsError:
            return False

    def wait(self):
        """Returns when the file is gone."""
        start, warned = time.monotonic(), False
        while os.path.exists(self.lock_file_path):
            time.sleep(self.wait_seconds)
            if self.warn_after_seconds is not None and not warned and time.monotonic() - start > self.warn_after_seconds:
                import warnings
                warnings.warn(f"Waited on lock file {self.lock_file_path} for {self.warn_after_seconds} seconds", stacklevel=2)
                warned = True

    def release(self):
        """Ends the turn."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
        os.remove(self.lock_file_path)
