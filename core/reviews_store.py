"""Readers' verdicts in a database, through SQLAlchemy: a SQLite file, or PostgreSQL by URL.

One table, to which rows are added and of which none is ever changed or removed, so that two readers who save at once
lose nothing. A save is one transaction, flushed to the disk before it is said to be saved. A table that an older
version made is read as it is, and gets the columns it lacks with the next save. This module knows nothing of what
verdicts mean.
"""

import json
import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sql
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from core.errors import BadReview
from core.files import state_directory
from core.origins import read_origin
from core.reviews import Review, undoing

VARIABLE = "GROUNDGLASS_REVIEWS"  # of the environment: where reviews are kept; a URL may hold a password
WAIT = 30  # seconds that a save waits for the one before it
CONNECT = 5  # seconds that a database server has to answer
POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")

_meta = sql.MetaData()
_Number = sql.BigInteger().with_variant(sql.Integer, "sqlite")
TABLE = sql.Table(
    "reviews", _meta,
    sql.Column("number", _Number, primary_key=True, autoincrement=True),
    sql.Column("at", sql.Text, nullable=False),
    sql.Column("reader", sql.Text, nullable=False),
    sql.Column("data_set", sql.Text, nullable=False, index=True),
    sql.Column("level", sql.Text, nullable=False),
    sql.Column("target", sql.Text, nullable=False),
    sql.Column("side", sql.Text, nullable=False),
    *(sql.Column(name, sql.Double) for name in ("x_min", "y_min", "x_max", "y_max")),
    sql.Column("verdict", sql.Text, nullable=False),
    sql.Column("note", sql.Text, nullable=False),
    sql.Column("instead", sql.Text),
    sql.Column("stamp", sql.Text, nullable=False),
    sql.Column("undoes", _Number, sql.ForeignKey("reviews.number"), unique=True),
    sql.Column("origin", sql.Text),
)


def default_place():
    """Where reviews are kept: GROUNDGLASS_REVIEWS, or groundglass/reviews.sqlite in the user's state directory."""
    return os.environ.get(VARIABLE) or str(state_directory() / "reviews.sqlite")


class ReviewStore:
    """The reviews at `place`: a path, `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/DATABASE`.

    A SQLite file is made by the first save; once it was there, its absence is an error and never a new file. Safe to
    use from several threads and processes. Raises `BadReview` for a place that is neither, and each method does when
    the database cannot be written or read; the sentence never holds the password.
    """

    _table, _what = TABLE, "verdicts"  # what a kind of store keeps, and what it is called

    def __init__(self, place):
        url = _url(place)
        self._file = Path(url.database).absolute() if url.get_backend_name() == "sqlite" else None
        self.name = str(self._file or f"PostgreSQL's {url.database} at {url.host or 'this machine'}")
        self._secrets = [each for each in (url.password, *map(str, url.query.values())) if each]
        self._seen = self._ready = self._whole = False  # whether the file was there, the table, and all its columns
        if self._file is None:
            self._engine = sql.create_engine(url, pool_pre_ping=True, pool_size=2, max_overflow=8, hide_parameters=True,
                                             connect_args={"connect_timeout": CONNECT})
        else:
            uri = sql.URL.create("sqlite", database=f"file:{quote(str(self._file))}",
                                 query={"mode": "rw", "uri": "true"})
            self._engine = sql.create_engine(uri, poolclass=NullPool, hide_parameters=True,
                                             connect_args={"timeout": WAIT})
            sql.event.listen(self._engine, "connect", _be_careful)

    def save(self, review):
        """Add the `Review`; the same with its number, once it is on the disk."""
        values = {column.name: getattr(review, column.name) for column in TABLE.columns
                  if column.name not in ("number", "x_min", "y_min", "x_max", "y_max", "instead", "stamp", "origin")}
        corners = review.box or (None,) * 4
        values |= dict(zip(("x_min", "y_min", "x_max", "y_max"), corners, strict=True))
        values |= {"stamp": json.dumps(review.stamp), "origin": review.origin and review.origin.as_text(),
                   "instead": None if review.instead is None else json.dumps(review.instead)}
        with self._saying("saved"):
            self._make()
            with self._engine.begin() as connection:
                number = connection.execute(sql.insert(TABLE).values(values)).inserted_primary_key[0]
        return replace(review, number=number)

    def undo(self, review):
        """Take back the saved `review` by adding a row that undoes it; that row as a `Review`.

        Raises `BadReview` too when it is undone already, or undoes another itself.
        """
        if review.undoes is not None or review.number is None:
            raise BadReview(f"Row {review.number} undoes another or is not saved, but only a saved verdict can be "
                            "undone: save it anew.")
        return self.save(undoing(review))

    def mark(self):
        """What changes with each row that is added: (rows, largest number)."""
        with self._saying("read"):
            if not self._is_there():
                return 0, 0
            query = sql.select(sql.func.count(), sql.func.max(TABLE.c.number))
            with self._engine.connect() as connection:
                count, largest = connection.execute(query).one()
            return count, largest or 0

    def rows(self, holding=None):
        """All rows by number, those that are undone and those that undo included: a tuple of `Review`s.

        holding: the `core.origins.Holding` of the data set they are about, None for all.
        """
        with self._saying("read"):
            return tuple(_review(row) for row in self._rows_of(holding))

    def close(self):
        """Give up the connections."""
        self._engine.dispose()

    def _is_there(self):
        """Whether there is a table to read. A file that was seen and has vanished is opened too, so that this fails."""
        if not self._ready and (self._file is None or self._seen or self._file.exists()):
            self._seen = True
            self._ready = sql.inspect(self._engine).has_table(self._table.name)
        return self._ready

    def _rows_of(self, holding):
        """The rows by number as mappings of columns, those alone that are about what the `Holding` holds."""
        if not self._is_there():
            return []
        lacking, columns = self._lacking(), self._table.columns
        query = sql.select(*(sql.null().label(each.name) if each.name in lacking else each for each in columns))
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(columns.number)).mappings().all()
        return [row for row in found if holding is None or holding.holds(row["data_set"], read_origin(row["origin"]))]

    def _lacking(self):
        """Names of the columns that the table lacks, since an older version made it."""
        if self._whole:
            return ()
        there = {each["name"] for each in sql.inspect(self._engine).get_columns(self._table.name)}
        lacking = [each.name for each in self._table.columns if each.name not in there]
        self._whole = not lacking
        return lacking

    def _widen(self):
        """Add the columns that the table lacks; all of them are text that may be absent."""
        for name in self._lacking():
            try:
                with self._engine.begin() as connection:
                    connection.execute(sql.text(f"ALTER TABLE {self._table.name} ADD COLUMN {name} TEXT"))
            except SQLAlchemyError:
                if name in self._lacking():  # else another process was quicker
                    raise

    def _make(self):
        """Make the file and the table before the first save, and complete a table that an older version made."""
        if self._is_there():
            self._widen()
            return
        if self._file is not None and not self._seen:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite takes an empty file for a new one
        try:
            self._table.create(self._engine)
        except SQLAlchemyError:
            if not sql.inspect(self._engine).has_table(self._table.name):  # else another process was quicker
                raise
            self._widen()  # the other one may be an older version
        self._seen = self._ready = True

    @contextmanager
    def _saying(self, what):
        """Turn what the database says into a `BadReview`; `what` was not possible: 'saved' or 'read'."""
        try:
            yield
        except IntegrityError:
            raise BadReview("This verdict is undone already, but that is possible once: look again.") from None
        except (SQLAlchemyError, OSError, ValueError) as failure:
            raise BadReview(f"The {self._what} in {self.name} cannot be {what} ({self._reason(failure)}), but "
                            f"{'none is said to be saved that is not' if what == 'saved' else 'they are needed'}: "
                            "make room or see to the database, and try again.") from None

    def _reason(self, failure):
        said = str(getattr(failure, "orig", None) or getattr(failure, "strerror", None) or failure)
        for secret in self._secrets:
            said = said.replace(secret, "***")
        return " ".join(said.split())[:200]


def _url(place):
    """The `sqlalchemy.URL` of a place. Raises `BadReview`."""
    place = str(place)
    known = "name a file, or a URL like postgresql://USER:PASSWORD@HOST/DATABASE"
    if "://" not in place:
        return sql.URL.create("sqlite", database=place)
    try:
        url = sql.make_url(place)
    except (ArgumentError, ValueError):
        raise BadReview(f"The place of the reviews is no URL that can be read, but must be one: {known}.") from None
    if url.drivername in POSTGRES:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername != "sqlite" or not url.database or url.database == ":memory:":
        raise BadReview(f"The place of the reviews begins with {url.drivername[:40]!r} or names no file, but reviews "
                        f"are kept in a SQLite file or in PostgreSQL: {known}.")
    return sql.URL.create("sqlite", database=url.database)


def _be_careful(connection, _):
    """Each commit is on the disk, its directory's entry too, before it is said to be done."""
    connection.execute("PRAGMA synchronous=EXTRA")
    connection.execute("PRAGMA foreign_keys=ON")


def _review(row):
    corners = tuple(row[name] for name in ("x_min", "y_min", "x_max", "y_max"))
    plain = {name: row[name] for name in ("reader", "data_set", "level", "target", "verdict", "note", "side", "at",
                                          "number", "undoes")}
    instead = None if row["instead"] is None else json.loads(row["instead"])
    return Review(**plain, box=None if corners[0] is None else corners, instead=instead, stamp=json.loads(row["stamp"]),
                  origin=read_origin(row["origin"]))
