"""Customers by dealer, the two indexes by hand that make their list and search cheap, and links for headquarters.

`customer_search` is the one table of a network without a wall: array containment is not leakproof and would lose its
index under row-level security (docs/architecture.md, Tenancy). Nobody but its owner may touch it; `find_customers`
takes network and path from the settings itself.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

from migrations import walls

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PATH = sa.Text(collation="C")

FUNCTIONS = (
    # letters as one types them: no difference of width or case, no blanks, no dashes
    r"""
    CREATE FUNCTION customer_fold(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
      SELECT lower(regexp_replace(normalize(given, NFKC), '[[:space:]‐-―−-]+', '', 'g'))
    $$""",
    # pairs of neighbouring letters, and three ('#') and four digits in a row
    r"""
    CREATE FUNCTION customer_grams(folded text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
      letters text[] := regexp_split_to_array(folded, '');
      grams text[] := '{}';
      run text;
    BEGIN
      FOR i IN 1 .. coalesce(array_length(letters, 1), 0) - 1 LOOP
        grams := array_append(grams, letters[i] || letters[i + 1]);
      END LOOP;
      FOR run IN SELECT m[1] FROM regexp_matches(folded, '[0-9]{3,}', 'g') AS m LOOP
        FOR i IN 1 .. length(run) - 2 LOOP grams := array_append(grams, '#' || substr(run, i, 3)); END LOOP;
        FOR i IN 1 .. length(run) - 3 LOOP grams := array_append(grams, substr(run, i, 4)); END LOOP;
      END LOOP;
      RETURN grams;
    END $$""",
    # (named with its schema: VACUUM and ANALYZE work out an index's expression without a search path)
    # everything a customer is found by; '@' its unit and each unit above, '=' month and model, '^' and '$' ends
    r"""
    CREATE FUNCTION customer_tokens(body text, path text, facets text[]) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
      fields text[] := string_to_array(body, E'\n');
      phone text := fields[2];
      tokens text[] := ARRAY['^' || left(fields[1], 1)];
      above text := '';
      part text;
    BEGIN
      FOREACH part IN ARRAY string_to_array(rtrim(path, '.'), '.') LOOP
        above := above || part || '.';
        tokens := array_append(tokens, '@' || above);
      END LOOP;
      FOREACH part IN ARRAY facets LOOP tokens := array_append(tokens, '=' || part); END LOOP;
      FOR i IN 1 .. least(3, length(phone)) LOOP
        tokens := array_append(tokens, '^' || left(phone, i));
        tokens := array_append(tokens, right(phone, i) || '$');
      END LOOP;
      FOR i IN 1 .. length(phone) - 3 LOOP tokens := array_append(tokens, substr(phone, i, 4)); END LOOP;
      FOR i IN 1 .. array_length(fields, 1) LOOP
        IF i <> 2 THEN tokens := tokens || public.customer_grams(fields[i]); END IF;
      END LOOP;
      RETURN tokens;
    END $$""",
    r"""
    CREATE FUNCTION customer_body(name text, phone text, address text, orders text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
      SELECT concat_ws(E'\n', customer_fold(name), regexp_replace(phone, '[^0-9]', '', 'g'), customer_fold(address),
                       (SELECT string_agg(customer_fold(each), E'\n') FROM unnest(orders) AS each))
    $$""",
)

KEEP_INDEXES = (
    r"""
    CREATE FUNCTION customer_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public AS $$
    BEGIN
      INSERT INTO customer_search (customer_id, network_id, unit_path, facets, body)
      SELECT id, network_id, unit_path, facets, customer_body(name, phone, address, orders) FROM fresh;
      INSERT INTO customer_facet (network_id, facet, unit_path, customer_id)
      SELECT network_id, facet, unit_path, id FROM fresh, unnest(facets) AS facet;
      RETURN NULL;
    END $$""",
    r"""
    CREATE FUNCTION customer_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public AS $$
    BEGIN
      UPDATE customer_search s
      SET unit_path = fresh.unit_path, facets = fresh.facets,
          body = customer_body(fresh.name, fresh.phone, fresh.address, fresh.orders)
      FROM fresh WHERE s.customer_id = fresh.id;
      DELETE FROM customer_facet f USING stale JOIN fresh USING (id), unnest(stale.facets) AS gone
      WHERE f.network_id = stale.network_id AND f.facet = gone AND f.unit_path = stale.unit_path
        AND f.customer_id = stale.id AND (gone <> ALL (fresh.facets) OR fresh.unit_path <> stale.unit_path);
      INSERT INTO customer_facet (network_id, facet, unit_path, customer_id)
      SELECT network_id, facet, unit_path, id FROM fresh, unnest(facets) AS facet ON CONFLICT DO NOTHING;
      RETURN NULL;
    END $$""",
    """
    CREATE TRIGGER customer_inserted AFTER INSERT ON customer REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION customer_inserted()""",
    """
    CREATE TRIGGER customer_updated AFTER UPDATE ON customer REFERENCING OLD TABLE AS stale NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION customer_updated()""",
)

# How often a token occurs, by the statistics that ANALYZE keeps: 0 where it is rare (or nothing was counted yet).
# Without this a search for an order number would walk the long lists of the digits that all of them share.
RARITY = r"""
    CREATE FUNCTION customer_token_rarity(tokens text[]) RETURNS TABLE (token text, frequency real)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
      SELECT t, coalesce(max(known.frequency), 0)
      FROM (SELECT DISTINCT unnest(tokens) AS t) AS asked
      LEFT JOIN (SELECT e.element, e.frequency FROM pg_stats s,
                        unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) AS e(element, frequency)
                 WHERE s.schemaname = 'public' AND s.tablename = 'ix_customer_search_tokens') AS known ON element = t
      GROUP BY t
    $$"""

# For what every tenth customer has: look at the first ones there are, and stop early.
WALK = r"""
    CREATE FUNCTION walk_customers(fragment text, low text, high text, most integer)
    RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
    AS $$
      SELECT customer_id FROM (
        SELECT customer_id, body FROM customer_search WHERE unit_path >= low AND unit_path < high
        ORDER BY unit_path, customer_id LIMIT 8000) AS first_ones
      WHERE customer_matches(body, fragment) LIMIT most
    $$"""

MATCHES = r"""
    CREATE FUNCTION customer_matches(body text, q text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
      SELECT CASE
        WHEN q ~ '^[0-9]{1,3}$' THEN  -- the ends of a phone, or anything within what is no phone
          left(split_part(body, E'\n', 2), length(q)) = q OR right(split_part(body, E'\n', 2), length(q)) = q
          OR position(q IN split_part(body, E'\n', 1)) > 0
          OR position(q IN substr(body, length(split_part(body, E'\n', 1)) + length(split_part(body, E'\n', 2)) + 3))
             > 0
        WHEN length(q) = 1 THEN left(body, 1) = q  -- one letter: how a name begins
        ELSE position(q IN body) > 0 END
    $$"""

# Bitmap scans of the tokens alone: for a common fragment the planner would rather walk the whole table until it has
# enough, or add the range of paths (written so that no index fits).
FIND = r"""
    CREATE FUNCTION find_customers(fragment text, below text, facet text, most integer) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 200
    SET search_path = pg_catalog, public SET enable_seqscan = off SET enable_indexscan = off SET work_mem = '32MB'
    AS $$
    DECLARE
      network bigint := nullif(current_setting('portal.network', true), '')::bigint;
      low text := coalesce(current_setting('portal.scope_from', true), '');
      high text := coalesce(current_setting('portal.scope_to', true), '');
      path text := coalesce(nullif(below, ''), low);
      q text := customer_fold(fragment);
      few boolean;  -- one to three digits
      need text[] := '{}';
      grams text[];
      commonness real;
      found bigint[];
    BEGIN
      IF network IS NULL OR low = '' OR q = '' OR NOT (path >= low COLLATE "C" AND path < high COLLATE "C") THEN
        RETURN;
      END IF;
      IF q ~ '^([+]|00)86[0-9]{5,}$' THEN q := regexp_replace(q, '^([+]|00)86', ''); END IF;
      few := q ~ '^[0-9]{1,3}$';
      grams := CASE WHEN few AND length(q) = 3 THEN ARRAY['#' || q]
                    WHEN few THEN customer_grams(q)
                    WHEN length(q) = 1 THEN ARRAY['^' || q]
                    ELSE customer_grams(q) END;
      IF few THEN
        SELECT max(frequency) INTO commonness FROM customer_token_rarity(grams || ARRAY['^' || q, q || '$']);
      ELSE  -- the rarest are enough; of those that nobody counted, four digits and letter beside digit come first
        SELECT array_agg(token), max(frequency) INTO grams, commonness FROM (
          SELECT token, min(frequency) OVER () AS frequency FROM customer_token_rarity(grams) AS r
          WHERE q !~ '^[0-9]+$' OR length(token) = 4 AND token !~ '^#'
          ORDER BY r.frequency, length(token) DESC, token !~ '[0-9][^0-9]|[^0-9][0-9]', token LIMIT 4) AS chosen;
      END IF;
      IF commonness > 0.03 AND facet = '' THEN
        found := ARRAY(SELECT walk_customers(q, path, rtrim(path, '.') || '/', most));
        IF cardinality(found) >= most THEN
          RETURN QUERY SELECT unnest(found);
          RETURN;
        END IF;
      END IF;
      IF (SELECT frequency < 0.5 FROM customer_token_rarity(ARRAY['@' || path])) THEN
        need := ARRAY['@' || path];
      END IF;
      IF facet <> '' THEN need := need || ('=' || facet); END IF;
      IF few THEN
        RETURN QUERY SELECT customer_id FROM customer_search s
          WHERE (customer_tokens(s.body, s.unit_path, s.facets) @> (need || ('^' || q))
                 OR customer_tokens(s.body, s.unit_path, s.facets) @> (need || (q || '$'))
                 OR (cardinality(grams) > 0 AND customer_tokens(s.body, s.unit_path, s.facets) @> (need || grams)))
            AND s.network_id = network AND left(s.unit_path, length(path)) = path
            AND customer_matches(s.body, q)
          LIMIT most;
      ELSE
        RETURN QUERY SELECT customer_id FROM customer_search s
          WHERE customer_tokens(s.body, s.unit_path, s.facets) @> (need || grams)
            AND s.network_id = network AND left(s.unit_path, length(path)) = path
            AND customer_matches(s.body, q)
          LIMIT most;
      END IF;
    END $$"""


DEFINERS = (
    "find_customers(text, text, text, integer)",
    "walk_customers(text, text, text, integer)",
    "customer_token_rarity(text[])",
)


def place() -> list[sa.Column[Any]]:
    return [
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", PATH, nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "customer",
        sa.Column("id", sa.BigInteger, sa.Identity(always=False), nullable=False),
        *place(),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("phone", PATH, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("first_month", sa.Date),
        sa.Column("last_month", sa.Date),
        sa.Column("orders", pg.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("facets", pg.ARRAY(PATH), nullable=False, server_default=sa.text("'{}'")),
        sa.PrimaryKeyConstraint("id", name="pk_customer"),
        sa.UniqueConstraint("network_id", "id", name="uq_customer_network_id_id"),
        sa.UniqueConstraint("network_id", "unit_id", "phone", "name", name="uq_customer_person"),
        sa.ForeignKeyConstraint(
            ["network_id", "unit_id"], ["unit.network_id", "unit.id"], name="fk_customer_network_id_unit_id"
        ),
    )
    op.create_index(
        "ix_customer_by_unit",
        "customer",
        ["network_id", "unit_path", "id"],
        postgresql_where=sa.text("last_month IS NOT NULL"),
    )
    op.create_index("ix_customer_phone", "customer", ["network_id", "phone"])
    walls.wall("customer", verbs="SELECT, INSERT, UPDATE")

    op.create_table(
        "customer_source",
        *place(),
        sa.Column("file_id", sa.BigInteger, nullable=False),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("network_id", "file_id", name="pk_customer_source"),
        sa.ForeignKeyConstraint(
            ["network_id", "file_id"],
            ["customer_file.network_id", "customer_file.id"],
            name="fk_customer_source_network_id_file_id",
        ),
    )
    op.create_index("ix_customer_source_unit_path", "customer_source", ["network_id", "unit_path", "month"])
    walls.wall("customer_source", verbs="SELECT, INSERT, DELETE")

    op.create_table(
        "customer_facet",
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("facet", PATH, nullable=False),
        sa.Column("unit_path", PATH, nullable=False),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network_id", "facet", "unit_path", "customer_id", name="pk_customer_facet"),
    )
    walls.wall("customer_facet", verbs="SELECT")

    op.create_table(
        "customer_link",
        *place(),
        sa.Column("phone", PATH, nullable=False),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.Column("same_name", sa.Boolean, nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("network_id", "phone", "customer_id", name="pk_customer_link"),
        sa.ForeignKeyConstraint(
            ["network_id", "customer_id"],
            ["customer.network_id", "customer.id"],
            name="fk_customer_link_network_id_customer_id",
        ),
    )
    walls.wall("customer_link")

    op.create_table(
        "customer_search",
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", PATH, nullable=False),
        sa.Column("facets", pg.ARRAY(PATH), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name="pk_customer_search"),
    )
    op.execute("REVOKE ALL ON customer_search FROM portal_app")
    for statement in FUNCTIONS:
        op.execute(statement)
    op.execute(
        "CREATE INDEX ix_customer_search_tokens ON customer_search "
        "USING gin (customer_tokens(body, unit_path, facets)) WITH (gin_pending_list_limit = 512)"
    )
    op.create_index("ix_customer_search_unit_path", "customer_search", ["unit_path", "customer_id"])
    for statement in (*KEEP_INDEXES, RARITY, MATCHES, WALK, FIND):
        op.execute(statement)
    for function in DEFINERS:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION find_customers(text, text, text, integer) TO portal_app")


def downgrade() -> None:
    for function in DEFINERS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP FUNCTION customer_matches(text, text)")
    op.execute("DROP TRIGGER customer_updated ON customer")
    op.execute("DROP TRIGGER customer_inserted ON customer")
    op.execute("DROP FUNCTION customer_updated()")
    op.execute("DROP FUNCTION customer_inserted()")
    for table in ("customer_search", "customer_link", "customer_facet", "customer_source", "customer"):
        op.drop_table(table)
    op.execute("DROP FUNCTION customer_body(text, text, text, text[])")
    op.execute("DROP FUNCTION customer_tokens(text, text, text[])")
    op.execute("DROP FUNCTION customer_grams(text)")
    op.execute("DROP FUNCTION customer_fold(text)")
