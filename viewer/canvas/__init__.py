"""The film canvas: one radiograph at stored depth with its boxes, drawn and windowed in the browser.

`component` is the Python side, `payload` the lossless encoding of a film, `*.js` the canvas itself (plain modules,
served as they are, no build step).
"""
