SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.change (
    change bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    nonce character varying(32) NOT NULL,
    actor character varying(255) NOT NULL,
    action character varying(40) NOT NULL,
    object_type character varying(40) NOT NULL,
    object_name character varying(255) NOT NULL,
    comment text,
    detail json NOT NULL
);
CREATE TABLE public.global_tag (
    id bigint NOT NULL,
    name character varying(80) NOT NULL,
    author character varying(255),
    description text,
    contact character varying(255),
    created timestamp with time zone NOT NULL,
    added_by bigint NOT NULL,
    retired_by bigint NOT NULL
);
CREATE TABLE public.iov (
    id bigint NOT NULL,
    series bigint NOT NULL,
    end_major bigint NOT NULL,
    end_minor bigint NOT NULL,
    declared_end_major bigint NOT NULL,
    declared_end_minor bigint NOT NULL,
    added_by bigint NOT NULL,
    retired_by bigint NOT NULL,
    start_major bigint NOT NULL,
    start_minor bigint NOT NULL,
    payload_url character varying(255) NOT NULL,
    checksum character varying(255) NOT NULL,
    size bigint,
    extra character varying(255),
    inserted timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.iov_id
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE public.list_state (
    payload_list bigint NOT NULL,
    global_tag bigint,
    series bigint NOT NULL,
    pinned_at bigint,
    added_by bigint NOT NULL,
    retired_by bigint NOT NULL
);
CREATE TABLE public.payload (
    id bigint NOT NULL,
    payload_type character varying(80) NOT NULL,
    file_name character varying(255) NOT NULL,
    checksum character varying(255) NOT NULL,
    sha256 character varying(64),
    size bigint,
    revision bigint,
    path character varying(512),
    created timestamp with time zone NOT NULL,
    added_by bigint NOT NULL
);
CREATE TABLE public.payload_list (
    id bigint NOT NULL,
    name character varying(100) NOT NULL,
    description text,
    contact character varying(255),
    payload_type bigint NOT NULL,
    ends character varying(20) NOT NULL,
    created timestamp with time zone NOT NULL,
    added_by bigint NOT NULL,
    retired_by bigint NOT NULL
);
CREATE TABLE public.payload_type (
    id bigint NOT NULL,
    name character varying(80) NOT NULL,
    description text,
    dimension character varying(80),
    validator character varying(80),
    contact character varying(255),
    created timestamp with time zone NOT NULL,
    added_by bigint NOT NULL,
    retired_by bigint NOT NULL,
    validator_options json
);
CREATE TABLE public.recorded_answer (
    subject character varying(255) NOT NULL,
    idempotency_key character varying(255) NOT NULL,
    fingerprint character varying(64) NOT NULL,
    created timestamp with time zone NOT NULL,
    body text,
    change bigint
);
CREATE TABLE public.series (
    id bigint NOT NULL
);
CREATE TABLE public.series_change (
    series bigint NOT NULL,
    change bigint NOT NULL,
    n_iov bigint NOT NULL
);
CREATE SEQUENCE public.series_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.series_id_seq OWNED BY public.series.id;
CREATE TABLE public.staged_iov (
    id bigint NOT NULL,
    end_major bigint,
    end_minor bigint,
    start_major bigint NOT NULL,
    start_minor bigint NOT NULL,
    payload_url character varying(255) NOT NULL,
    checksum character varying(255) NOT NULL,
    size bigint,
    extra character varying(255),
    inserted timestamp with time zone NOT NULL
);
CREATE TABLE public.tag_change (
    tag bigint NOT NULL,
    change bigint NOT NULL
);
CREATE TABLE public.tag_state (
    tag bigint NOT NULL,
    status bigint NOT NULL,
    added_by bigint NOT NULL,
    retired_by bigint NOT NULL,
    digest character varying(64)
);
CREATE TABLE public.tag_status (
    id bigint NOT NULL,
    name character varying(80) NOT NULL,
    mode character varying(10) NOT NULL,
    final boolean NOT NULL,
    description text,
    created timestamp with time zone NOT NULL,
    added_by bigint NOT NULL
);
CREATE TABLE public.token (
    id bigint NOT NULL,
    hash character varying(64) NOT NULL,
    owner character varying(255) NOT NULL,
    description text,
    scopes json NOT NULL,
    created timestamp with time zone NOT NULL,
    expires timestamp with time zone,
    revoked timestamp with time zone,
    last_used timestamp with time zone
);
CREATE TABLE public.type_change (
    payload_type bigint NOT NULL,
    change bigint NOT NULL
);
ALTER TABLE ONLY public.series ALTER COLUMN id SET DEFAULT nextval('public.series_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES
	('0003');
INSERT INTO public.change VALUES
	(1, '2026-11-27 17:28:56.855505+00', '13ea41afb6915e53', 'anonymous', 'create', 'payload_type', 'Beam', NULL, '{"payload_types": ["Beam"], "after": {"dimension": null, "validator": null, "validator_options": null}}'),
	(2, '2026-11-27 17:28:56.923805+00', 'd2e9265b35cf341a', 'anonymous', 'create', 'payload_type', 'Field', NULL, '{"payload_types": ["Field"], "after": {"dimension": null, "validator": null, "validator_options": null}}'),
	(3, '2026-11-27 17:28:56.993824+00', '8b49b71cdc0b34c5', 'anonymous', 'create', 'payload_type', 'Unused', NULL, '{"payload_types": ["Unused"], "after": {"dimension": null, "validator": null, "validator_options": null}}'),
	(4, '2026-11-27 17:28:57.029847+00', '3fe916dc3db3d360', 'anonymous', 'create', 'global_tag', 'Dev', NULL, '{"global_tags": ["Dev"], "after": {"status": "unlocked"}}'),
	(5, '2026-11-27 17:28:57.116076+00', '119b3ef5071cca71', 'anonymous', 'create', 'global_tag', 'Prod', NULL, '{"global_tags": ["Prod"], "after": {"status": "unlocked"}}'),
	(6, '2026-11-27 17:28:57.185852+00', 'f868837856d7e35d', 'anonymous', 'create', 'payload_list', 'Beam_1', NULL, '{"global_tags": [], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "after": {"payload_type": "Beam", "ends": "explicit"}}'),
	(7, '2026-11-27 17:28:57.338896+00', 'ac3c8f544cba5f07', 'anonymous', 'create', 'payload_list', 'Beam_2', NULL, '{"global_tags": [], "payload_lists": ["Beam_2"], "payload_types": ["Beam"], "after": {"payload_type": "Beam", "ends": "explicit"}}'),
	(8, '2026-11-27 17:28:57.489846+00', 'e7dad7566ef53121', 'anonymous', 'create', 'payload_list', 'Field_3', NULL, '{"global_tags": [], "payload_lists": ["Field_3"], "payload_types": ["Field"], "after": {"payload_type": "Field", "ends": "explicit"}}'),
	(9, '2026-11-27 17:28:57.55012+00', 'd7fac985faf4b6ed', 'anonymous', 'create', 'payload_list', 'Field_4', NULL, '{"global_tags": [], "payload_lists": ["Field_4"], "payload_types": ["Field"], "after": {"payload_type": "Field", "ends": "explicit"}}'),
	(10, '2026-11-27 17:28:57.651968+00', '6eecac323230fa26', 'anonymous', 'attach', 'payload_list', 'Beam_1', NULL, '{"global_tags": ["Dev"], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "before": {"global_tag": null, "replaced": null}, "after": {"global_tag": "Dev"}}'),
	(11, '2026-11-27 17:28:57.729964+00', '462e133aa264a7fb', 'anonymous', 'attach', 'payload_list', 'Beam_2', NULL, '{"global_tags": ["Prod"], "payload_lists": ["Beam_2"], "payload_types": ["Beam"], "before": {"global_tag": null, "replaced": null}, "after": {"global_tag": "Prod"}}'),
	(12, '2026-11-27 17:28:57.807951+00', 'fad70eaf7563ba3f', 'anonymous', 'attach', 'payload_list', 'Field_3', NULL, '{"global_tags": ["Dev"], "payload_lists": ["Field_3"], "payload_types": ["Field"], "before": {"global_tag": null, "replaced": null}, "after": {"global_tag": "Dev"}}'),
	(13, '2026-11-27 17:28:57.933839+00', '2ac28522e1a4f496', 'anonymous', 'bulk', 'payload_list', 'Beam_1', NULL, '{"rows": 1, "global_tags": ["Dev"], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "after": {"payload_iovs": [{"payload_list": "Beam_1", "start": [5, 0], "end": [6, 0], "payload_url": "5.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 1}}'),
	(14, '2026-11-27 17:28:58.00583+00', '25a3ed8c54bde7a3', 'anonymous', 'bulk', 'payload_list', 'Beam_1', NULL, '{"rows": 2, "global_tags": ["Dev"], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "after": {"payload_iovs": [{"payload_list": "Beam_1", "start": [20, 0], "end": [21, 0], "payload_url": "20.root", "checksum": "c", "size": null, "revision": null}, {"payload_list": "Beam_1", "start": [30, 0], "end": [31, 0], "payload_url": "30.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 2}}'),
	(15, '2026-11-27 17:28:58.067722+00', 'cd543dc0adca9211', 'anonymous', 'bulk', 'payload_list', 'Beam_2', NULL, '{"rows": 2, "global_tags": ["Prod"], "payload_lists": ["Beam_2"], "payload_types": ["Beam"], "after": {"payload_iovs": [{"payload_list": "Beam_2", "start": [0, 0], "end": [1, 0], "payload_url": "0.root", "checksum": "c", "size": null, "revision": null}, {"payload_list": "Beam_2", "start": [21, 0], "end": [22, 0], "payload_url": "21.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 2}}'),
	(16, '2026-11-27 17:28:58.097845+00', '3a214fb4131d04fe', 'anonymous', 'clone', 'global_tag', 'Pinned', NULL, '{"source": "Dev", "global_tags": ["Pinned"], "payload_lists": ["Beam_5", "Field_6"], "payload_types": ["Beam", "Field"], "after": {"status": "unlocked", "source": "Dev", "payload_lists": {"Beam": "Beam_5", "Field": "Field_6"}}}'),
	(17, '2026-11-27 17:28:58.253841+00', 'ec8101178e9b1ddc', 'anonymous', 'bulk', 'payload_list', 'Beam_1', NULL, '{"rows": 1, "global_tags": ["Dev"], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "before": {"payload_iovs": [{"payload_list": "Beam_1", "start": [5, 0], "end": [6, 0], "payload_url": "5.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 1}, "after": {"payload_iovs": [{"payload_list": "Beam_1", "start": [5, 0], "end": [6, 0], "payload_url": "5-again.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 1}}'),
	(18, '2026-11-27 17:28:58.329337+00', 'd87a5546585ab68b', 'anonymous', 'delete', 'payload_iov', '4', NULL, '{"global_tags": ["Dev"], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "before": {"payload_iovs": [{"payload_list": "Beam_1", "start": [30, 0], "end": [31, 0], "payload_url": "30.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 1}}'),
	(19, '2026-11-27 17:28:58.405838+00', 'b4b534776227be14', 'anonymous', 'clone', 'global_tag', 'Frozen', NULL, '{"source": "Prod", "global_tags": ["Frozen"], "payload_lists": ["Beam_7"], "payload_types": ["Beam"], "after": {"status": "unlocked", "source": "Prod", "payload_lists": {"Beam": "Beam_7"}}}'),
	(20, '2026-11-27 17:28:58.549826+00', 'b4baa80c47790245', 'anonymous', 'bulk', 'payload_list', 'Beam_2', NULL, '{"rows": 1, "global_tags": ["Prod"], "payload_lists": ["Beam_2"], "payload_types": ["Beam"], "after": {"payload_iovs": [{"payload_list": "Beam_2", "start": [22, 0], "end": [23, 0], "payload_url": "after.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 1}}'),
	(21, '2026-11-27 17:28:58.570143+00', '74aad8946efa7d0f', 'anonymous', 'status', 'global_tag', 'Frozen', NULL, '{"global_tags": ["Frozen"], "before": {"status": "unlocked"}, "after": {"status": "locked"}}'),
	(22, '2026-11-27 17:28:58.669842+00', '84e4f1461ca00f51', 'anonymous', 'status', 'global_tag', 'Frozen', NULL, '{"global_tags": ["Frozen"], "before": {"status": "locked"}, "after": {"status": "frozen", "digest": "f9c0000d8e239b3ce4e79b016293db40bb46fa256847d7b96ba4cdabdb16d968"}}'),
	(23, '2026-11-27 17:28:58.703078+00', 'd9286c4877177946', 'anonymous', 'describe', 'global_tag', 'Dev', NULL, '{"global_tags": ["Dev"], "before": {"contact": null, "description": null}, "after": {"contact": "somebody", "description": "for tests"}}'),
	(24, '2026-11-27 17:28:58.734595+00', 'f2dfcfa4a4c702f9', 'anonymous', 'create', 'global_tag', 'Gone', NULL, '{"global_tags": ["Gone"], "after": {"status": "unlocked"}}'),
	(25, '2026-11-27 17:28:58.764011+00', '456ab8b947ae609b', 'anonymous', 'delete', 'global_tag', 'Gone', NULL, '{"global_tags": ["Gone"], "payload_lists": [], "payload_types": [], "before": {"status": "unlocked", "payload_lists": {}}}');
INSERT INTO public.global_tag VALUES
	(2, 'Prod', NULL, NULL, NULL, '2026-11-27 17:28:57.116076+00', 5, 9223372036854775807),
	(3, 'Pinned', NULL, NULL, NULL, '2026-11-27 17:28:58.097845+00', 16, 9223372036854775807),
	(4, 'Frozen', NULL, NULL, NULL, '2026-11-27 17:28:58.405838+00', 19, 9223372036854775807),
	(1, 'Dev', NULL, NULL, NULL, '2026-11-27 17:28:57.029847+00', 4, 23),
	(1, 'Dev', NULL, 'for tests', 'somebody', '2026-11-27 17:28:57.029847+00', 23, 9223372036854775807),
	(5, 'Gone', NULL, NULL, NULL, '2026-11-27 17:28:58.734595+00', 24, 25);
INSERT INTO public.iov VALUES
	(3, 1, 21, 0, 21, 0, 14, 9223372036854775807, 20, 0, '20.root', 'c', NULL, NULL, '2026-11-27 17:28:57.956099+00'),
	(5, 2, 1, 0, 1, 0, 15, 9223372036854775807, 0, 0, '0.root', 'c', NULL, NULL, '2026-11-27 17:28:58.032663+00'),
	(6, 2, 22, 0, 22, 0, 15, 9223372036854775807, 21, 0, '21.root', 'c', NULL, NULL, '2026-11-27 17:28:58.032663+00'),
	(2, 1, 6, 0, 6, 0, 13, 17, 5, 0, '5.root', 'c', NULL, NULL, '2026-11-27 17:28:57.911256+00'),
	(7, 1, 6, 0, 6, 0, 17, 9223372036854775807, 5, 0, '5-again.root', 'c', NULL, NULL, '2026-11-27 17:28:58.231339+00'),
	(4, 1, 31, 0, 31, 0, 14, 18, 30, 0, '30.root', 'c', NULL, NULL, '2026-11-27 17:28:57.956099+00'),
	(8, 2, 23, 0, 23, 0, 20, 9223372036854775807, 22, 0, 'after.root', 'c', NULL, NULL, '2026-11-27 17:28:58.53555+00');
INSERT INTO public.list_state VALUES
	(4, NULL, 4, NULL, 9, 9223372036854775807),
	(1, NULL, 1, NULL, 6, 10),
	(1, 1, 1, NULL, 10, 9223372036854775807),
	(2, NULL, 2, NULL, 7, 11),
	(2, 2, 2, NULL, 11, 9223372036854775807),
	(3, NULL, 3, NULL, 8, 12),
	(3, 1, 3, NULL, 12, 9223372036854775807),
	(5, 3, 1, 16, 16, 9223372036854775807),
	(6, 3, 3, 16, 16, 9223372036854775807),
	(7, 4, 2, 19, 19, 9223372036854775807);
INSERT INTO public.payload_list VALUES
	(1, 'Beam_1', NULL, NULL, 1, 'explicit', '2026-11-27 17:28:57.185852+00', 6, 9223372036854775807),
	(2, 'Beam_2', NULL, NULL, 1, 'explicit', '2026-11-27 17:28:57.338896+00', 7, 9223372036854775807),
	(3, 'Field_3', NULL, NULL, 2, 'explicit', '2026-11-27 17:28:57.489846+00', 8, 9223372036854775807),
	(4, 'Field_4', NULL, NULL, 2, 'explicit', '2026-11-27 17:28:57.55012+00', 9, 9223372036854775807),
	(5, 'Beam_5', NULL, NULL, 1, 'explicit', '2026-11-27 17:28:58.097845+00', 16, 9223372036854775807),
	(6, 'Field_6', NULL, NULL, 2, 'explicit', '2026-11-27 17:28:58.097845+00', 16, 9223372036854775807),
	(7, 'Beam_7', NULL, NULL, 1, 'explicit', '2026-11-27 17:28:58.405838+00', 19, 9223372036854775807);
INSERT INTO public.payload_type VALUES
	(1, 'Beam', NULL, NULL, NULL, NULL, '2026-11-27 17:28:56.855505+00', 1, 9223372036854775807, NULL),
	(2, 'Field', NULL, NULL, NULL, NULL, '2026-11-27 17:28:56.923805+00', 2, 9223372036854775807, NULL),
	(3, 'Unused', NULL, NULL, NULL, NULL, '2026-11-27 17:28:56.993824+00', 3, 9223372036854775807, NULL);
INSERT INTO public.series VALUES
	(1),
	(2),
	(3),
	(4);
INSERT INTO public.series_change VALUES
	(1, 6, 0),
	(2, 7, 0),
	(3, 8, 0),
	(4, 9, 0),
	(1, 13, 1),
	(1, 14, 3),
	(2, 15, 2),
	(1, 17, 3),
	(1, 18, 2),
	(2, 20, 3);
INSERT INTO public.staged_iov VALUES
	(1, 8, 0, 7, 0, '7.root', 'c', NULL, NULL, '2026-11-27 17:28:57.877384+00');
INSERT INTO public.tag_change VALUES
	(1, 4),
	(2, 5),
	(1, 10),
	(2, 11),
	(1, 12),
	(1, 13),
	(1, 14),
	(2, 15),
	(3, 16),
	(1, 17),
	(1, 18),
	(4, 19),
	(2, 20),
	(4, 21),
	(4, 22),
	(1, 23),
	(5, 24),
	(5, 25);
INSERT INTO public.tag_state VALUES
	(1, 1, 4, 9223372036854775807, NULL),
	(2, 1, 5, 9223372036854775807, NULL),
	(3, 1, 16, 9223372036854775807, NULL),
	(4, 1, 19, 21, NULL),
	(4, 2, 21, 22, NULL),
	(4, 3, 22, 9223372036854775807, 'f9c0000d8e239b3ce4e79b016293db40bb46fa256847d7b96ba4cdabdb16d968'),
	(5, 1, 24, 25, NULL);
INSERT INTO public.tag_status VALUES
	(1, 'unlocked', 'open', false, NULL, '2026-11-27 17:28:56.21334+00', 0),
	(2, 'locked', 'append', false, NULL, '2026-11-27 17:28:56.21334+00', 0),
	(3, 'frozen', 'closed', true, NULL, '2026-11-27 17:28:56.21334+00', 0);
INSERT INTO public.type_change VALUES
	(1, 1),
	(2, 2),
	(3, 3),
	(1, 6),
	(1, 7),
	(2, 8),
	(2, 9),
	(1, 10),
	(1, 11),
	(2, 12),
	(1, 13),
	(1, 14),
	(1, 15),
	(1, 16),
	(2, 16),
	(1, 17),
	(1, 18),
	(1, 19),
	(1, 20);
SELECT pg_catalog.setval('public.iov_id', 17, true);
SELECT pg_catalog.setval('public.series_id_seq', 5, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.change
    ADD CONSTRAINT pk_change PRIMARY KEY (change);
ALTER TABLE ONLY public.global_tag
    ADD CONSTRAINT pk_global_tag PRIMARY KEY (id, added_by);
ALTER TABLE ONLY public.iov
    ADD CONSTRAINT pk_iov PRIMARY KEY (id);
ALTER TABLE ONLY public.list_state
    ADD CONSTRAINT pk_list_state PRIMARY KEY (payload_list, added_by);
ALTER TABLE ONLY public.payload
    ADD CONSTRAINT pk_payload PRIMARY KEY (id);
ALTER TABLE ONLY public.payload_list
    ADD CONSTRAINT pk_payload_list PRIMARY KEY (id, added_by);
ALTER TABLE ONLY public.payload_type
    ADD CONSTRAINT pk_payload_type PRIMARY KEY (id, added_by);
ALTER TABLE ONLY public.recorded_answer
    ADD CONSTRAINT pk_recorded_answer PRIMARY KEY (subject, idempotency_key);
ALTER TABLE ONLY public.series
    ADD CONSTRAINT pk_series PRIMARY KEY (id);
ALTER TABLE ONLY public.series_change
    ADD CONSTRAINT pk_series_change PRIMARY KEY (series, change);
ALTER TABLE ONLY public.staged_iov
    ADD CONSTRAINT pk_staged_iov PRIMARY KEY (id);
ALTER TABLE ONLY public.tag_change
    ADD CONSTRAINT pk_tag_change PRIMARY KEY (tag, change);
ALTER TABLE ONLY public.tag_state
    ADD CONSTRAINT pk_tag_state PRIMARY KEY (tag, added_by);
ALTER TABLE ONLY public.tag_status
    ADD CONSTRAINT pk_tag_status PRIMARY KEY (id);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT pk_token PRIMARY KEY (id);
ALTER TABLE ONLY public.type_change
    ADD CONSTRAINT pk_type_change PRIMARY KEY (payload_type, change);
ALTER TABLE ONLY public.payload
    ADD CONSTRAINT uq_payload_path UNIQUE (path);
ALTER TABLE ONLY public.tag_status
    ADD CONSTRAINT uq_tag_status_name UNIQUE (name);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT uq_token_hash UNIQUE (hash);
CREATE INDEX ix_change_at ON public.change USING btree (at);
CREATE INDEX ix_iov_checksum ON public.iov USING btree (checksum);
CREATE INDEX ix_iov_history ON public.iov USING btree (series, start_major DESC, start_minor DESC, added_by, retired_by);
CREATE INDEX ix_list_state_global_tag ON public.list_state USING btree (global_tag, added_by);
CREATE INDEX ix_list_state_live_tag ON public.list_state USING btree (global_tag) WHERE (retired_by = '9223372036854775807'::bigint);
CREATE INDEX ix_list_state_series ON public.list_state USING btree (series);
CREATE INDEX ix_payload_checksum ON public.payload USING btree (checksum);
CREATE INDEX ix_payload_list_payload_type ON public.payload_list USING btree (payload_type);
CREATE INDEX ix_payload_sha256 ON public.payload USING btree (sha256);
CREATE INDEX ix_recorded_answer_created ON public.recorded_answer USING btree (created);
CREATE INDEX ix_staged_iov_inserted ON public.staged_iov USING btree (inserted);
CREATE UNIQUE INDEX uq_global_tag_live_id ON public.global_tag USING btree (id) WHERE (retired_by = '9223372036854775807'::bigint);
CREATE UNIQUE INDEX uq_global_tag_live_name ON public.global_tag USING btree (name) WHERE (retired_by = '9223372036854775807'::bigint);
CREATE UNIQUE INDEX uq_iov_live_start ON public.iov USING btree (series, start_major DESC, start_minor DESC) WHERE (retired_by = '9223372036854775807'::bigint);
CREATE UNIQUE INDEX uq_list_state_live_payload_list ON public.list_state USING btree (payload_list) WHERE (retired_by = '9223372036854775807'::bigint);
CREATE UNIQUE INDEX uq_payload_list_live_id ON public.payload_list USING btree (id) WHERE (retired_by = '9223372036854775807'::bigint);
CREATE UNIQUE INDEX uq_payload_list_live_name ON public.payload_list USING btree (name) WHERE (retired_by = '9223372036854775807'::bigint);
CREATE UNIQUE INDEX uq_payload_type_live_id ON public.payload_type USING btree (id) WHERE (retired_by = '9223372036854775807'::bigint);
CREATE UNIQUE INDEX uq_payload_type_live_name ON public.payload_type USING btree (name) WHERE (retired_by = '9223372036854775807'::bigint);
CREATE UNIQUE INDEX uq_payload_type_revision ON public.payload USING btree (payload_type, revision);
CREATE UNIQUE INDEX uq_tag_state_live_tag ON public.tag_state USING btree (tag) WHERE (retired_by = '9223372036854775807'::bigint);
