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
)


class FirstReadStore(ReviewStore):
    """The first reads at `place`, which is that of the reviews; opens, waits and fails as `ReviewStore` does."""

    _table, _what = READS, "first reads"

    def save(self, data_set, read):
        """Add the `FirstRead` of a film of the data set of that name; returns when it is on the disk."""
        values = {**vars(read), "boxes": json.dumps(read.boxes), "data_set": data_set}
        with self._saying("saved"):
            self._make()
            with self._engine.begin() as connection:
                connection.execute(sql.insert(READS).values(values))

    def rows(self, data_set, reader=None):
        """The `FirstRead`s of that data set, by this reader or by all (None), in the order they were saved.

        Of one film and reader the first stands: what came after it was no first read.
        """
        with self._saying("read"):
            if not self._is_there():
                return ()
            query = sql.select(READS).where(READS.c.data_set == data_set).order_by(READS.c.number)
            if reader is not None:
                query = query.where(READS.c.reader == reader)
            with self._engine.connect() as connection:
                found = connection.execute(query).mappings().all()
            first = {}
            for row in found:
                first.setdefault((row["reader"], row["image_id"]), _read(row))
            return tuple(first.values())


def _read(row):
    plain = {name: row[name] for name in ("image_id", "study_class", "seconds", "reader", "at")}
    return FirstRead(**plain, boxes=tuple(tuple(box) for box in json.loads(row["boxes"])))
