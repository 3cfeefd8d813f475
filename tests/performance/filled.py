"""More rows for the brand of tests/customers/crowd.py: cases, their effects, superiors' clocks, visits and coverage."""

CASES = """
INSERT INTO breach (network_id, unit_path, rule, requirement, source, rulebook_version, about_unit_id, about_path,
                    occurred_at, reported_at, facts)
SELECT u.network_id, '10010000.', 'customer_file_missing', 'R047', 'test:' || u.id || ':' || i, 1, u.id, u.unit_path,
       timestamptz '2026-11-03' - i * interval '1 day', timestamptz '2026-11-03' - i * interval '1 day', '[]'
FROM unit u, generate_series(1, {size} / 800) i WHERE u.network_id = 1001 AND u.kind = 'dealer';
INSERT INTO sanction_case (network_id, unit_path, about_unit_id, about_path, party, who, number, breach_id, rule,
                           requirement, ladder, rulebook_version, state, step, measures, history, occurred_at,
                           drafted_at, step_due_at, told_at, proposed_at, proposed_by, approved_at, approved_by,
                           appeal_due_at, closed_at)
SELECT b.network_id, b.unit_path, b.about_unit_id, b.about_path, 'u' || b.about_unit_id, 'dealer', 'CF-' || b.id, b.id,
       b.rule, b.requirement, b.rule, 1, s.state, 1, '[]', '[]', b.occurred_at, b.reported_at,
       CASE WHEN s.state <> 'closed' THEN b.reported_at + interval '7 days' END,
       CASE WHEN s.state <> 'draft' THEN b.reported_at END, CASE WHEN s.state <> 'draft' THEN b.reported_at END,
       CASE WHEN s.state <> 'draft' THEN 1 END, CASE WHEN s.state NOT IN ('draft', 'proposed') THEN b.reported_at END,
       CASE WHEN s.state NOT IN ('draft', 'proposed') THEN 2 END,
       CASE WHEN s.state = 'served' THEN timestamptz '2026-11-13' END,
       CASE WHEN s.state = 'closed' THEN b.reported_at END
FROM breach b CROSS JOIN LATERAL (SELECT coalesce((ARRAY['draft', 'proposed', 'approved', 'served', 'upheld'])
    [nullif(b.id % 1000, 0)], 'closed') AS state) s WHERE b.network_id = 1001;
INSERT INTO sanction_effect (network_id, unit_path, case_id, round, place, about_unit_id, kind, applied_at, settled_at)
SELECT network_id, about_path, id, 1, 1, about_unit_id, 'margin_forfeited', drafted_at, drafted_at
FROM sanction_case WHERE network_id = 1001 AND state = 'closed';
INSERT INTO circular (network_id, unit_path, case_id, number, at, rule, requirement, rulebook_version)
SELECT network_id, unit_path, id, number, drafted_at, rule, requirement, 1
FROM sanction_case WHERE network_id = 1001 AND state = 'closed';
"""
CLOCKS = """
UPDATE obligation SET next_at = due_at - interval '1 hour' WHERE network_id = 1001 AND closed_at IS NULL;
INSERT INTO obligation (network_id, unit_path, kind, rule, rulebook_version, source, unit_id, subject, opened_at,
                        due_at, first_due_at, planned_at, next_at, origin_id, level)
SELECT network_id, '10010000.', 'escalation', 'calendar.escalation', 1, 'R037', 10010000, id || ':1', due_at,
       timestamptz '2026-11-13', timestamptz '2026-11-13', due_at, timestamptz '2026-11-12', id, 1
FROM obligation WHERE network_id = 1001 ORDER BY id LIMIT {size} / 100;
"""
VISITS = """
INSERT INTO visit (network_id, unit_path, about_path, unit_id, region_id, filed_by, month, consolidation_id, opened_at,
                   name, phone, address, purchase_region, state, rank, next_at, visited, standing, closed_at)
SELECT u.network_id, '10010000.', u.unit_path, u.id, u.parent_id, u.id, m.month, 1, now(), '客户' || i,
       '13' || lpad(((i * 7919::bigint) % 1000000000)::text, 9, '0'), '上海市浦东新区中山东路' || i || '号', '上海',
       CASE WHEN m.month = '2026-10-01' THEN 'waiting' ELSE 'closed' END, CASE WHEN i % 100 = 0 THEN 3 ELSE 4 END,
       CASE WHEN m.month = '2026-10-01' THEN timestamptz '2026-11-02' + i * interval '1 second' END,
       m.month < '2026-10-01', CASE WHEN m.month = '2026-10-01' THEN 'none' ELSE 'satisfied' END,
       CASE WHEN m.month < '2026-10-01' THEN now() END
FROM (SELECT row_number() OVER (ORDER BY id) - 1 AS place, * FROM unit WHERE network_id = 1001 AND kind = 'dealer') u
JOIN generate_series(0, {size} - 1) i ON i % 200 = u.place
CROSS JOIN LATERAL (SELECT (timestamp '2026-10-01' - (i / 200) % 10 * interval '1 month')::date AS month) m
ORDER BY u.unit_path, i;
INSERT INTO visit_count (network_id, unit_path, month, unit_id, slot, region_id, people, visited, satisfied, closed)
SELECT network_id, about_path, month, unit_id, -1, region_id, count(*), count(*) FILTER (WHERE visited),
       count(*) FILTER (WHERE visited), count(*) FILTER (WHERE state = 'closed')
FROM visit WHERE network_id = 1001 GROUP BY network_id, about_path, month, unit_id, region_id;
INSERT INTO visit_day (network_id, unit_path, month, kind, unit_id, day, slot, people, visited, satisfied, closed)
SELECT u.network_id, u.unit_path, m::date, u.kind, u.id, m::date + n, s, 10, 5, 4, 5
FROM unit u, generate_series(timestamp '2025-11-01', '2026-10-01', '1 month') m, generate_series(1, 20) n,
     generate_series(0, 1) s
WHERE u.network_id = 1001 AND u.kind IN ('dealer', 'region');
"""
