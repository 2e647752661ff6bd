"""The base of pipes over one other pipe."""
from kagari.utils.data.datapipes.datapipe import IterDataPipe


class _Over(IterDataPipe):
    def __init__(self, datapipe):
        super().__init__()
        self.datapipe = datapipe
