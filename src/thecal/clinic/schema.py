"""The tables of a clinic's database. Instants are seconds of UTC, bodies canonical JSON; ``migrations/`` makes what stands here.

``entry`` is the record: append-only, in both senses of the database (a trigger refuses more). ``standing`` and ``item`` are read
models: what is worked out of it, rebuilt at any time. ``person`` alone can be erased.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_NAME, _HASH = String(120), String(64)

entry = Table(
    "entry",
    metadata,
    Column("stream", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("happened", BigInteger, nullable=False),
    Column("recorded", BigInteger, nullable=False),
    Column("who", _NAME, nullable=False),
    Column("previous", _HASH, nullable=False),
    Column("digest", _HASH, nullable=False),
    PrimaryKeyConstraint("stream", "version"),
    CheckConstraint("version > 0", name="version"),
)

person = Table(
    "person",
    metadata,
    Column("pseudonym", String(40), primary_key=True),
    Column("name", _NAME, nullable=False),
    Column("born", String(10), nullable=False, server_default=""),
    Column("number", String(60), nullable=False, server_default=""),
    Column("phone", String(60), nullable=False, server_default=""),
    Column("second_contact", String(200), nullable=False, server_default=""),
    Column("email", String(200), nullable=False, server_default=""),
    Column("address", String(400), nullable=False, server_default=""),
    Column("referrer", String(400), nullable=False, server_default=""),
    Column("erased", BigInteger),
)
Index("uq_person_number", person.c.number, unique=True, sqlite_where=text("number <> ''"), postgresql_where=text("number <> ''"))

account = Table(
    "account",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("full_name", _NAME, nullable=False),
    Column("role", String(40), nullable=False),
    Column("administrator", Boolean, nullable=False),
    Column("password", String(200), nullable=False),
    Column("change_password", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("locked_until", BigInteger, nullable=False, server_default="0"),
    Column("made", BigInteger, nullable=False),
)

sign_in = Table(
    "sign_in",
    metadata,
    Column("token", _HASH, primary_key=True),
    Column("account", _NAME, ForeignKey("account.name"), nullable=False),
    Column("begun", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    Column("csrf", _HASH, nullable=False),
    Column("where_from", String(120), nullable=False, server_default=""),
)
Index("ix_sign_in_account", sign_in.c.account)

api_token = Table(
    "api_token",
    metadata,
    Column("token", _HASH, primary_key=True),
    Column("label", _NAME, nullable=False),
    Column("account", _NAME, ForeignKey("account.name"), nullable=False),
    Column("permissions", String(400), nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
    Column("revoked", BigInteger),
)

invitation = Table(
    "invitation",
    metadata,
    Column("token", _HASH, primary_key=True),
    Column("stream", String(40), nullable=False),
    Column("made_by", _NAME, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
    Column("revoked", BigInteger),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", _NAME, nullable=False),
    Column("did", String(80), nullable=False),
    Column("stream", String(40), nullable=False, server_default=""),
    Column("detail", String(400), nullable=False, server_default=""),
    Column("request", String(40), nullable=False, server_default=""),
)
Index("ix_audit_stream", audit.c.stream, audit.c.at)

standing = Table(
    "standing",
    metadata,
    Column("stream", String(40), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("day", String(10), nullable=False),
    Column("tier", Integer, nullable=False),
    Column("due", BigInteger),
    Column("serial", String(60), nullable=False, server_default=""),
    Column("model", String(60), nullable=False, server_default=""),
    Column("body", Text, nullable=False),
)
Index("ix_standing_worklist", standing.c.tier, standing.c.due, standing.c.stream)

item = Table(
    "item",
    metadata,
    Column("stream", String(40), ForeignKey("standing.stream", ondelete="CASCADE"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("tier", Integer, nullable=False),
    Column("due", BigInteger),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("stream", "name"),
)
Index("ix_item_kind", item.c.kind, item.c.stream)

slot = Table(
    "slot",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("begins", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
    Column("place", _NAME, nullable=False),
    Column("refiller", _NAME, nullable=False),
    Column("checker", _NAME, nullable=False),
    Column("withdrawn", BigInteger),
    UniqueConstraint("begins", "place"),
    CheckConstraint("ends > begins", name="ends"),
    CheckConstraint("refiller <> checker", name="two_people"),
)

booking = Table(
    "booking",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("slot", String(40), ForeignKey("slot.id"), nullable=False),
    Column("stream", String(40), nullable=False),
    Column("visit", String(40), nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("made_by", _NAME, nullable=False),
    Column("cancelled", BigInteger),
)
Index(
    "uq_booking_slot",
    booking.c.slot,
    unique=True,
    sqlite_where=text("cancelled IS NULL"),
    postgresql_where=text("cancelled IS NULL"),
)

closure = Table(
    "closure",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("first", String(10), nullable=False),
    Column("last", String(10), nullable=False),
    Column("what", _NAME, nullable=False),
    Column("who", _NAME, nullable=False, server_default=""),
    Column("cover", _NAME, nullable=False, server_default=""),
)

stock = Table(
    "stock",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("strength_mcg_per_ml", Integer, nullable=False),
    Column("vial_nl", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("lot", String(60), nullable=False),
    Column("expires", String(10), nullable=False),
    UniqueConstraint("strength_mcg_per_ml", "vial_nl", "lot"),
)

submission = Table(
    "submission",
    metadata,
    Column("once", _HASH, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("location", String(400), nullable=False),
)

setting = Table(
    "setting",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
