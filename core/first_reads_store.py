"""Blinded first reads in the database of the reviews: a table of their own, to which rows are added and never changed.

This module knows nothing of what reads mean.
"""

import json

import sqlalchemy as sql

from core.first_reads import FirstRead
from core.reviews_store import ReviewStore

READS = sql.Table(
    "first_reads", sql.MetaData(),
    sql.Column("number", sql.BigInteger().with_variant(sql.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sql.Column("data_set", sql.Text, nullable=False, index=True),
    *(sql.Column(name, sql.Text, nullable=False) for name in ("image_id", "boxes", "study_class", "reader", "at")),
    sql.Column("seconds", sql.Double, nullable=False),
    sql.Column("origin", sql.Text),
)


class FirstReadStore(ReviewStore):
    """The first reads at `place`, which is that of the reviews; opens, waits and fails as `ReviewStore` does."""

    _table, _what = READS, "first reads"

    def save(self, data_set, read, origin=None):
        """Add the `FirstRead` of a film of the data set of that name; returns when it is on the disk.

        origin: the film's `core.origins.Origin`, by which it is found again whatever the data set is called then.
        """
        values = {**vars(read), "boxes": json.dumps(read.boxes), "data_set": data_set,
                  "origin": origin and origin.as_text()}
        with self._saying("saved"):
            self._make()
            with self._engine.begin() as connection:
                connection.execute(sql.insert(READS).values(values))

    def rows(self, holding, reader=None):
        """The `FirstRead`s of what the `core.origins.Holding` holds, by this reader or by all (None), in the order they
        were saved.

        Of one film and reader the first stands: what came after it was no first read.
        """
        with self._saying("read"):
            first = {}
            for row in self._rows_of(holding):
                if reader in (None, row["reader"]):
                    first.setdefault((row["reader"], row["image_id"]), _read(row))
            return tuple(first.values())


def _read(row):
    plain = {name: row[name] for name in ("image_id", "study_class", "seconds", "reader", "at")}
    return FirstRead(**plain, boxes=tuple(tuple(box) for box in json.loads(row["boxes"])))
