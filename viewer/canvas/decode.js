// Address of a film -> the film, or an Error whose message is a sentence for the reader.
import { unpack } from "./unpack.js";

export async function decode(url) {
  let response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new Error("The film's pixels could not be fetched, the server does not answer: check that it runs, then reload.");
  }
  if (!response.ok) throw new Error(await refusal(response));
  try {
    return unpack(await response.arrayBuffer());
  } catch (error) {
    throw new Error(`The film's pixels arrived unreadable (${error.message}): reload the page.`);
  }
}

async function refusal(response) {
  const plain = (response.headers.get("content-type") ?? "").startsWith("text/plain");
  const sentence = plain && response.status < 500 ? (await response.text()).slice(0, 600) : "";
  return sentence || `The film's pixels could not be fetched (HTTP ${response.status}): see the server's log, then reload.`;
}
