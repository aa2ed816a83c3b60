// Decodes films off the page's thread: {url} in, {url, film} or {url, error} out, the pixels moved and not copied.
import { decode } from "./decode.js";

onmessage = async ({ data: { url } }) => {
  try {
    const film = await decode(url);
    postMessage({ url, film }, film.levels.map((level) => level.pixels.buffer));
  } catch (error) {
    postMessage({ url, error: error.message });
  }
};
