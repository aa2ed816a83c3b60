"""One Parquet file of text keys and float32 numbers, read back column by column and checked.

It knows nothing of what the columns mean.
"""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import BadPredictions
from core.files import open_plain, whole_file

ANEW = "predict anew, or mend the program that wrote them."


def write_columns(directory, stem, keys, numbers):
    """Write a Parquet file to `directory`; its name, which is `stem` and the hash of its content.

    `keys` maps a column to (texts, row of the text for each of the N rows), `numbers` a column to float32
    [N]. Raises `BadPredictions` when it cannot be written.
    """
    columns = {name: pa.DictionaryArray.from_arrays(pa.array(rows, pa.int32()), pa.array(list(texts), pa.string()))
               for name, (texts, rows) in keys.items()}
    columns.update((name, np.ascontiguousarray(values)) for name, values in numbers.items())
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression="zstd", write_page_checksum=True,
                   use_dictionary=list(keys), column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"))
    content = sink.getvalue()
    name = f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.parquet"
    with whole_file(directory / name, BadPredictions) as temporary:
        temporary.write_bytes(content)
    return name


def read_columns(path, keys, numbers):
    """The N rows of the Parquet file at `path`, as a tuple.

    First, for each of `keys` (column -> known texts), the place of each row's text among the known, int64
    [N]; last the columns `numbers` as float32 [N,C]. Raises `BadPredictions` when the file or a column is
    missing, damaged or of another kind, or a text is unknown.
    """
    try:
        with open_plain(path) as opened, pq.ParquetFile(opened, page_checksum_verification=True) as file:
            table = file.read(columns=[*keys, *numbers])
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadPredictions(f"{path} cannot be read ({str(error).splitlines()[0]}), but the manifest names "
                             f"it: {ANEW}") from None
    lacking = [name for name in (*keys, *numbers) if name not in table.column_names]
    empty = [name for name in table.column_names if table[name].null_count]
    if lacking or empty:
        raise BadPredictions(f"{path.name} {'lacks' if lacking else 'has empty cells in'} the column "
                             f"{(lacking or empty)[0]!r}, but each cell of it is needed: {ANEW}")
    places = [_places(path.name, name, table[name], known) for name, known in keys.items()]
    try:
        columns = [table[name].to_numpy().astype(np.float32) for name in numbers]
    except (ValueError, TypeError):
        raise BadPredictions(f"{path.name} holds text among {', '.join(numbers)}, but these are numbers: "
                             f"{ANEW}") from None
    return *places, np.stack(columns, axis=1)


def _places(file, name, column, known):
    """Where each text of `column` stands in `known`, int64 [N]."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise BadPredictions(f"{file} holds {kind} in the column {name!r}, but ids and sources are text: "
                             f"{ANEW}")
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries().combine_chunks()
    place_of = {each: place for place, each in enumerate(known)}
    places = np.array([place_of.get(each, -1) for each in column.dictionary.to_pylist()], np.int64)
    rows = places[column.indices.to_numpy()] if len(column) else np.zeros(0, np.int64)
    if len(rows) and rows.min() < 0:
        row = int(np.argmin(rows))
        raise BadPredictions(f"{file} holds the {name} {column[row].as_py()!r} in row {row}, but the "
                             f"manifest does not name it: {ANEW}")
    return rows
