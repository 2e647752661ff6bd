"""Arrays from what programs hand to a SummaryWriter, and images in the order height, width, channel."""
import io

import numpy as np

import kagari


def make_np(x):
    """A NumPy array of a tensor, an array, a list or a number; half types become float32."""
    if isinstance(x, kagari.Tensor):
        x = x.detach().cpu()
        return x.float().numpy() if x.dtype in (kagari.bfloat16, kagari.float16) else x.numpy()
    if isinstance(x, (np.ndarray, list, tuple)) or np.isscalar(x):
        return np.atleast_1d(np.asarray(x))
    raise NotImplementedError(f"Got {type(x)}, but numpy array or torch tensor are expected.")


def image_grid(images, columns=8):
    """One image (height, width, 3) of many (count, channels, height, width), row by row, the rest black."""
    count, channels, height, width = images.shape
    if channels == 1:
        images = np.repeat(images, 3, axis=1)
    columns = min(columns, count)
    rows = -(-count // columns)
    grid = np.zeros((rows * height, columns * width, 3), dtype=images.dtype)
    for index, image in enumerate(images):
        y, x = divmod(index, columns)
        grid[y * height:(y + 1) * height, x * width:(x + 1) * width] = image[:3].transpose(1, 2, 0)
    return grid


def convert_to_HWC(array, input_format):
    """(height, width, 3) from an array whose dimensions are named by the letters of input_format, in any order and case.

    NCHW makes a grid of the N images; HW and one channel become grey.
    """
    letters = input_format.upper()
    if len(set(letters)) != len(letters):
        raise AssertionError(f"You can not use the same dimension shordhand twice. input_format: {input_format}")
    if len(letters) != array.ndim:
        raise AssertionError(f"size of input tensor and input format are different. tensor shape: {array.shape}, input_format: {input_format}")
    if len(letters) == 4:
        return image_grid(array.transpose([letters.index(letter) for letter in "NCHW"]))
    if len(letters) == 3:
        array = array.transpose([letters.index(letter) for letter in "HWC"])
        return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array
    if len(letters) == 2:
        array = array.transpose([letters.index(letter) for letter in "HW"])
        return np.stack([array] * 3, axis=2)
    raise AssertionError(f"input_format {input_format!r} names neither one image nor a batch")


def as_bytes(array, wanted=255):
    """uint8 from an image: floating numbers from 0 to 1 are scaled, uint8 stays."""
    return array if array.dtype == np.uint8 else (array.astype(np.float32) * wanted).clip(0, 255).astype(np.uint8)


def png_bytes(image):
    """A PNG file of a PIL image."""
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def figure_to_image(figures, close=True):
    """(3, height, width), or (count, 3, height, width) for a list, of Matplotlib figures."""
    from matplotlib import pyplot
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    def drawn(figure):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1).copy()
        if close:
            pyplot.close(figure)
        return pixels

    return np.stack([drawn(figure) for figure in figures]) if isinstance(figures, list) else drawn(figures)
