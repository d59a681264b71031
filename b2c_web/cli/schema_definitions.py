"""What constraints and indexes say: those of the database, and those that PostgreSQL makes of the models.

PostgreSQL shows an expression in a spelling of its own. So it is asked to make the models' tables once more, as
temporary ones that are rolled back, and to show both in that spelling. A temporary table refers to temporary ones
only: nothing that is there is locked, changed or shadowed for anybody else, and the right to make them is everybody's.
"""

import re

from sqlalchemy import Connection, text

from b2c_web.flask_extensions import db

Key = tuple[str, str, str]  # kind, name, table

_PUBLIC = text("SELECT 'public'::regnamespace::oid")
_TEMPORARY = text("SELECT pg_my_temp_schema()")
_TEMPORARY_FIRST = text("SELECT set_config('search_path', 'pg_temp, ' || current_setting('search_path'), true)")
_SAID = text(
    """
    SELECT CASE k.contype WHEN 'f' THEN 'foreign key' ELSE 'constraint' END AS kind, k.conname AS name,
      c.relname AS kept_on, pg_get_constraintdef(k.oid, true) AS said
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE c.relnamespace = :schema AND k.contype <> 'n'
    UNION ALL
    SELECT 'index', i.relname, c.relname, pg_get_indexdef(x.indexrelid, 0, true)
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    WHERE c.relnamespace = :schema AND x.indisvalid
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
    """
)
_CASTS = re.compile(r"::(?:character varying|text)(?:\[\])?")


def definitions(connection: Connection) -> dict[Key, str]:
    """What each constraint and index of the database says."""
    return _said(connection, connection.scalar(_PUBLIC))


def definitions_asked(connection: Connection) -> dict[Key, str]:
    """What each should say. Raises DBAPIError when an extension is missing. The caller rolls back."""
    connection.execute(_TEMPORARY_FIRST)
    db.metadata.create_all(connection, checkfirst=False)
    return _said(connection, connection.scalar(_TEMPORARY))


def is_same(asked: str, found: str) -> bool:
    """Whether both say the same. What was restored from a dump casts other parts of a list of texts than before."""
    return _CASTS.sub("", asked) == _CASTS.sub("", found)


def _said(connection: Connection, schema: int | None) -> dict[Key, str]:
    rows = connection.execute(_SAID, {"schema": schema})
    return {(row.kind, row.name, row.kept_on): " ".join(row.said.split()) for row in rows}
