"""A film of the data set as a canvas takes it: decoded, its address, and what keeps it from being shown."""

from core.errors import GroundglassError
from viewer import resources
from viewer.canvas.component import FilmAddress
from viewer.pixels import film_url


def opened(image):
    """(`core.film.Film` of a `core.dataset.Image`, its `FilmAddress`, ""); where it cannot be shown, the film is None
    and the last is the sentence that says why."""
    try:
        film, problem = resources.film(image.file), ""
    except GroundglassError as error:
        film, problem = None, str(error)
    return film, address(image, film), problem


def address(image, film=None):
    """The `FilmAddress` of an image, with the sides of the decoded `film` where there is one."""
    width, height = (film.width, film.height) if film else (image.width, image.height)
    return FilmAddress(image.image_id, film_url(image.path) if image.path else "", width, height)
