BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE "change" (
	change INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	nonce VARCHAR(32) NOT NULL, 
	actor VARCHAR(255) NOT NULL, 
	action VARCHAR(40) NOT NULL, 
	object_type VARCHAR(40) NOT NULL, 
	object_name VARCHAR(255) NOT NULL, 
	comment TEXT, 
	detail JSON NOT NULL, idempotency_key VARCHAR(255), 
	CONSTRAINT pk_change PRIMARY KEY (change)
);
INSERT INTO "change" VALUES(1,'2026-11-27 17:28:45.876421','5edf2b3dc845e15e','anonymous','create','payload_type','Beam',NULL,'{"payload_types": ["Beam"], "after": {"dimension": null, "validator": null, "validator_options": null}}',NULL);
INSERT INTO "change" VALUES(2,'2026-11-27 17:28:45.948781','596c847cfd34aab2','anonymous','create','payload_type','Field',NULL,'{"payload_types": ["Field"], "after": {"dimension": null, "validator": null, "validator_options": null}}',NULL);
INSERT INTO "change" VALUES(3,'2026-11-27 17:28:45.975854','c2219387a4694ba4','anonymous','create','payload_type','Unused',NULL,'{"payload_types": ["Unused"], "after": {"dimension": null, "validator": null, "validator_options": null}}',NULL);
INSERT INTO "change" VALUES(4,'2026-11-27 17:28:45.999891','7d5da62798fe1b0b','anonymous','create','global_tag','Dev',NULL,'{"global_tags": ["Dev"], "after": {"status": "unlocked"}}',NULL);
INSERT INTO "change" VALUES(5,'2026-11-27 17:28:46.064836','19988c8800d6285f','anonymous','create','global_tag','Prod',NULL,'{"global_tags": ["Prod"], "after": {"status": "unlocked"}}',NULL);
INSERT INTO "change" VALUES(6,'2026-11-27 17:28:46.083978','cd3ce2de7351d780','anonymous','create','payload_list','Beam_1',NULL,'{"global_tags": [], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "after": {"payload_type": "Beam", "ends": "explicit"}}',NULL);
INSERT INTO "change" VALUES(7,'2026-11-27 17:28:46.178659','93e23b32197d0a8d','anonymous','create','payload_list','Beam_2',NULL,'{"global_tags": [], "payload_lists": ["Beam_2"], "payload_types": ["Beam"], "after": {"payload_type": "Beam", "ends": "explicit"}}',NULL);
INSERT INTO "change" VALUES(8,'2026-11-27 17:28:46.199989','d4f91a7f4e091dcf','anonymous','create','payload_list','Field_3',NULL,'{"global_tags": [], "payload_lists": ["Field_3"], "payload_types": ["Field"], "after": {"payload_type": "Field", "ends": "explicit"}}',NULL);
INSERT INTO "change" VALUES(9,'2026-11-27 17:28:46.212815','f401720651f05c93','anonymous','create','payload_list','Field_4',NULL,'{"global_tags": [], "payload_lists": ["Field_4"], "payload_types": ["Field"], "after": {"payload_type": "Field", "ends": "explicit"}}',NULL);
INSERT INTO "change" VALUES(10,'2026-11-27 17:28:46.259276','b00023659510e503','anonymous','attach','payload_list','Beam_1',NULL,'{"global_tags": ["Dev"], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "before": {"global_tag": null, "replaced": null}, "after": {"global_tag": "Dev"}}',NULL);
INSERT INTO "change" VALUES(11,'2026-11-27 17:28:46.312752','ac59af60c5ddd630','anonymous','attach','payload_list','Beam_2',NULL,'{"global_tags": ["Prod"], "payload_lists": ["Beam_2"], "payload_types": ["Beam"], "before": {"global_tag": null, "replaced": null}, "after": {"global_tag": "Prod"}}',NULL);
INSERT INTO "change" VALUES(12,'2026-11-27 17:28:46.331675','cf70c47a97730449','anonymous','attach','payload_list','Field_3',NULL,'{"global_tags": ["Dev"], "payload_lists": ["Field_3"], "payload_types": ["Field"], "before": {"global_tag": null, "replaced": null}, "after": {"global_tag": "Dev"}}',NULL);
INSERT INTO "change" VALUES(13,'2026-11-27 17:28:46.438347','f2fe7c842ab38387','anonymous','bulk','payload_list','Beam_1',NULL,'{"rows": 1, "global_tags": ["Dev"], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "after": {"payload_iovs": [{"payload_list": "Beam_1", "start": [5, 0], "end": [6, 0], "payload_url": "5.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 1}}',NULL);
INSERT INTO "change" VALUES(14,'2026-11-27 17:28:46.529124','e5596eb04e90285a','anonymous','bulk','payload_list','Beam_1',NULL,'{"rows": 2, "global_tags": ["Dev"], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "after": {"payload_iovs": [{"payload_list": "Beam_1", "start": [20, 0], "end": [21, 0], "payload_url": "20.root", "checksum": "c", "size": null, "revision": null}, {"payload_list": "Beam_1", "start": [30, 0], "end": [31, 0], "payload_url": "30.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 2}}',NULL);
INSERT INTO "change" VALUES(15,'2026-11-27 17:28:46.564655','ad14f24a99988194','anonymous','bulk','payload_list','Beam_2',NULL,'{"rows": 2, "global_tags": ["Prod"], "payload_lists": ["Beam_2"], "payload_types": ["Beam"], "after": {"payload_iovs": [{"payload_list": "Beam_2", "start": [0, 0], "end": [1, 0], "payload_url": "0.root", "checksum": "c", "size": null, "revision": null}, {"payload_list": "Beam_2", "start": [21, 0], "end": [22, 0], "payload_url": "21.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 2}}',NULL);
INSERT INTO "change" VALUES(16,'2026-11-27 17:28:46.587646','75c16de814c5846d','anonymous','clone','global_tag','Pinned',NULL,'{"source": "Dev", "global_tags": ["Pinned"], "payload_lists": ["Beam_5", "Field_6"], "payload_types": ["Beam", "Field"], "after": {"status": "unlocked", "source": "Dev", "payload_lists": {"Beam": "Beam_5", "Field": "Field_6"}}}',NULL);
INSERT INTO "change" VALUES(17,'2026-11-27 17:28:46.692768','b2085045e9f341cc','anonymous','bulk','payload_list','Beam_1',NULL,'{"rows": 1, "global_tags": ["Dev"], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "before": {"payload_iovs": [{"payload_list": "Beam_1", "start": [5, 0], "end": [6, 0], "payload_url": "5.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 1}, "after": {"payload_iovs": [{"payload_list": "Beam_1", "start": [5, 0], "end": [6, 0], "payload_url": "5-again.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 1}}',NULL);
INSERT INTO "change" VALUES(18,'2026-11-27 17:28:46.724304','1129416e60083c6d','anonymous','delete','payload_iov','4',NULL,'{"global_tags": ["Dev"], "payload_lists": ["Beam_1"], "payload_types": ["Beam"], "before": {"payload_iovs": [{"payload_list": "Beam_1", "start": [30, 0], "end": [31, 0], "payload_url": "30.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 1}}',NULL);
INSERT INTO "change" VALUES(19,'2026-11-27 17:28:46.751590','e6a75d42b6c1db98','anonymous','clone','global_tag','Frozen',NULL,'{"source": "Prod", "global_tags": ["Frozen"], "payload_lists": ["Beam_7"], "payload_types": ["Beam"], "after": {"status": "unlocked", "source": "Prod", "payload_lists": {"Beam": "Beam_7"}}}',NULL);
INSERT INTO "change" VALUES(20,'2026-11-27 17:28:46.826827','9733d01177597c26','anonymous','bulk','payload_list','Beam_2',NULL,'{"rows": 1, "global_tags": ["Prod"], "payload_lists": ["Beam_2"], "payload_types": ["Beam"], "after": {"payload_iovs": [{"payload_list": "Beam_2", "start": [22, 0], "end": [23, 0], "payload_url": "after.root", "checksum": "c", "size": null, "revision": null}], "payload_iovs_count": 1}}',NULL);
INSERT INTO "change" VALUES(21,'2026-11-27 17:28:46.864062','d392748cee3cb272','anonymous','status','global_tag','Frozen',NULL,'{"global_tags": ["Frozen"], "before": {"status": "unlocked"}, "after": {"status": "locked"}}',NULL);
INSERT INTO "change" VALUES(22,'2026-11-27 17:28:46.959414','04a9d2d06328c1d0','anonymous','status','global_tag','Frozen',NULL,'{"global_tags": ["Frozen"], "before": {"status": "locked"}, "after": {"status": "frozen", "digest": "f9c0000d8e239b3ce4e79b016293db40bb46fa256847d7b96ba4cdabdb16d968"}}',NULL);
INSERT INTO "change" VALUES(23,'2026-11-27 17:28:46.995755','8eb86123d4414091','anonymous','describe','global_tag','Dev',NULL,'{"global_tags": ["Dev"], "before": {"contact": null, "description": null}, "after": {"contact": "somebody", "description": "for tests"}}',NULL);
INSERT INTO "change" VALUES(24,'2026-11-27 17:28:47.047941','7b6be64a860bab0d','anonymous','create','global_tag','Gone',NULL,'{"global_tags": ["Gone"], "after": {"status": "unlocked"}}',NULL);
INSERT INTO "change" VALUES(25,'2026-11-27 17:28:47.069604','637144e426ecf2db','anonymous','delete','global_tag','Gone',NULL,'{"global_tags": ["Gone"], "payload_lists": [], "payload_types": [], "before": {"status": "unlocked", "payload_lists": {}}}',NULL);
CREATE TABLE global_tag (
	id INTEGER NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	author VARCHAR(255), 
	description TEXT, 
	contact VARCHAR(255), 
	created DATETIME NOT NULL, 
	added_by INTEGER NOT NULL, 
	retired_by INTEGER NOT NULL, 
	CONSTRAINT pk_global_tag PRIMARY KEY (id, added_by)
);
INSERT INTO "global_tag" VALUES(1,'Dev',NULL,NULL,NULL,'2026-11-27 17:28:45.999891',4,23);
INSERT INTO "global_tag" VALUES(2,'Prod',NULL,NULL,NULL,'2026-11-27 17:28:46.064836',5,9223372036854775807);
INSERT INTO "global_tag" VALUES(3,'Pinned',NULL,NULL,NULL,'2026-11-27 17:28:46.587646',16,9223372036854775807);
INSERT INTO "global_tag" VALUES(4,'Frozen',NULL,NULL,NULL,'2026-11-27 17:28:46.751590',19,9223372036854775807);
INSERT INTO "global_tag" VALUES(1,'Dev',NULL,'for tests','somebody','2026-11-27 17:28:45.999891',23,9223372036854775807);
INSERT INTO "global_tag" VALUES(5,'Gone',NULL,NULL,NULL,'2026-11-27 17:28:47.047941',24,25);
CREATE TABLE iov (
	id INTEGER NOT NULL, 
	series INTEGER NOT NULL, 
	end_major BIGINT NOT NULL, 
	end_minor BIGINT NOT NULL, 
	declared_end_major BIGINT NOT NULL, 
	declared_end_minor BIGINT NOT NULL, 
	added_by INTEGER NOT NULL, 
	retired_by INTEGER NOT NULL, 
	start_major BIGINT NOT NULL, 
	start_minor BIGINT NOT NULL, 
	payload_url VARCHAR(255) NOT NULL, 
	checksum VARCHAR(255) NOT NULL, 
	size BIGINT, 
	extra VARCHAR(255), 
	inserted DATETIME NOT NULL, 
	CONSTRAINT pk_iov PRIMARY KEY (id)
);
INSERT INTO "iov" VALUES(2,1,6,0,6,0,13,17,5,0,'5.root','c',NULL,NULL,'2026-11-27 17:28:46.436869');
INSERT INTO "iov" VALUES(3,1,21,0,21,0,14,9223372036854775807,20,0,'20.root','c',NULL,NULL,'2026-11-27 17:28:46.527848');
INSERT INTO "iov" VALUES(4,1,31,0,31,0,14,18,30,0,'30.root','c',NULL,NULL,'2026-11-27 17:28:46.527848');
INSERT INTO "iov" VALUES(5,2,1,0,1,0,15,9223372036854775807,0,0,'0.root','c',NULL,NULL,'2026-11-27 17:28:46.563384');
INSERT INTO "iov" VALUES(6,2,22,0,22,0,15,9223372036854775807,21,0,'21.root','c',NULL,NULL,'2026-11-27 17:28:46.563384');
INSERT INTO "iov" VALUES(7,1,6,0,6,0,17,9223372036854775807,5,0,'5-again.root','c',NULL,NULL,'2026-11-27 17:28:46.691451');
INSERT INTO "iov" VALUES(8,2,23,0,23,0,20,9223372036854775807,22,0,'after.root','c',NULL,NULL,'2026-11-27 17:28:46.796583');
CREATE TABLE list_state (
	payload_list INTEGER NOT NULL, 
	global_tag INTEGER, 
	series INTEGER NOT NULL, 
	pinned_at INTEGER, 
	added_by INTEGER NOT NULL, 
	retired_by INTEGER NOT NULL, 
	CONSTRAINT pk_list_state PRIMARY KEY (payload_list, added_by)
);
INSERT INTO "list_state" VALUES(1,NULL,1,NULL,6,10);
INSERT INTO "list_state" VALUES(2,NULL,2,NULL,7,11);
INSERT INTO "list_state" VALUES(3,NULL,3,NULL,8,12);
INSERT INTO "list_state" VALUES(4,NULL,4,NULL,9,9223372036854775807);
INSERT INTO "list_state" VALUES(1,1,1,NULL,10,9223372036854775807);
INSERT INTO "list_state" VALUES(2,2,2,NULL,11,9223372036854775807);
INSERT INTO "list_state" VALUES(3,1,3,NULL,12,9223372036854775807);
INSERT INTO "list_state" VALUES(5,3,1,16,16,9223372036854775807);
INSERT INTO "list_state" VALUES(6,3,3,16,16,9223372036854775807);
INSERT INTO "list_state" VALUES(7,4,2,19,19,9223372036854775807);
CREATE TABLE payload (
	id INTEGER NOT NULL, 
	payload_type VARCHAR(80) NOT NULL, 
	file_name VARCHAR(255) NOT NULL, 
	checksum VARCHAR(255) NOT NULL, 
	sha256 VARCHAR(64), 
	size BIGINT, 
	revision BIGINT, 
	path VARCHAR(512), 
	created DATETIME NOT NULL, 
	added_by INTEGER NOT NULL, 
	CONSTRAINT pk_payload PRIMARY KEY (id), 
	CONSTRAINT uq_payload_path UNIQUE (path)
);
CREATE TABLE payload_list (
	id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	description TEXT, 
	contact VARCHAR(255), 
	payload_type INTEGER NOT NULL, 
	ends VARCHAR(20) NOT NULL, 
	created DATETIME NOT NULL, 
	added_by INTEGER NOT NULL, 
	retired_by INTEGER NOT NULL, 
	CONSTRAINT pk_payload_list PRIMARY KEY (id, added_by)
);
INSERT INTO "payload_list" VALUES(1,'Beam_1',NULL,NULL,1,'explicit','2026-11-27 17:28:46.083978',6,9223372036854775807);
INSERT INTO "payload_list" VALUES(2,'Beam_2',NULL,NULL,1,'explicit','2026-11-27 17:28:46.178659',7,9223372036854775807);
INSERT INTO "payload_list" VALUES(3,'Field_3',NULL,NULL,2,'explicit','2026-11-27 17:28:46.199989',8,9223372036854775807);
INSERT INTO "payload_list" VALUES(4,'Field_4',NULL,NULL,2,'explicit','2026-11-27 17:28:46.212815',9,9223372036854775807);
INSERT INTO "payload_list" VALUES(5,'Beam_5',NULL,NULL,1,'explicit','2026-11-27 17:28:46.587646',16,9223372036854775807);
INSERT INTO "payload_list" VALUES(6,'Field_6',NULL,NULL,2,'explicit','2026-11-27 17:28:46.587646',16,9223372036854775807);
INSERT INTO "payload_list" VALUES(7,'Beam_7',NULL,NULL,1,'explicit','2026-11-27 17:28:46.751590',19,9223372036854775807);
CREATE TABLE payload_type (
	id INTEGER NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	description TEXT, 
	dimension VARCHAR(80), 
	validator VARCHAR(80), 
	contact VARCHAR(255), 
	created DATETIME NOT NULL, 
	added_by INTEGER NOT NULL, 
	retired_by INTEGER NOT NULL, validator_options JSON, 
	CONSTRAINT pk_payload_type PRIMARY KEY (id, added_by)
);
INSERT INTO "payload_type" VALUES(1,'Beam',NULL,NULL,NULL,NULL,'2026-11-27 17:28:45.876421',1,9223372036854775807,NULL);
INSERT INTO "payload_type" VALUES(2,'Field',NULL,NULL,NULL,NULL,'2026-11-27 17:28:45.948781',2,9223372036854775807,NULL);
INSERT INTO "payload_type" VALUES(3,'Unused',NULL,NULL,NULL,NULL,'2026-11-27 17:28:45.975854',3,9223372036854775807,NULL);
CREATE TABLE series (
	id INTEGER NOT NULL, 
	CONSTRAINT pk_series PRIMARY KEY (id)
);
INSERT INTO "series" VALUES(1);
INSERT INTO "series" VALUES(2);
INSERT INTO "series" VALUES(3);
INSERT INTO "series" VALUES(4);
CREATE TABLE series_change (
	series INTEGER NOT NULL, 
	change INTEGER NOT NULL, 
	n_iov INTEGER NOT NULL, 
	CONSTRAINT pk_series_change PRIMARY KEY (series, change)
);
INSERT INTO "series_change" VALUES(1,6,0);
INSERT INTO "series_change" VALUES(2,7,0);
INSERT INTO "series_change" VALUES(3,8,0);
INSERT INTO "series_change" VALUES(4,9,0);
INSERT INTO "series_change" VALUES(1,13,1);
INSERT INTO "series_change" VALUES(1,14,3);
INSERT INTO "series_change" VALUES(2,15,2);
INSERT INTO "series_change" VALUES(1,17,3);
INSERT INTO "series_change" VALUES(1,18,2);
INSERT INTO "series_change" VALUES(2,20,3);
CREATE TABLE staged_iov (
	id INTEGER NOT NULL, 
	end_major BIGINT, 
	end_minor BIGINT, 
	start_major BIGINT NOT NULL, 
	start_minor BIGINT NOT NULL, 
	payload_url VARCHAR(255) NOT NULL, 
	checksum VARCHAR(255) NOT NULL, 
	size BIGINT, 
	extra VARCHAR(255), 
	inserted DATETIME NOT NULL, 
	CONSTRAINT pk_staged_iov PRIMARY KEY (id)
);
INSERT INTO "staged_iov" VALUES(1,8,0,7,0,'7.root','c',NULL,NULL,'2026-11-27 17:28:46.362823');
CREATE TABLE "tag_state" (
	tag INTEGER NOT NULL, 
	status INTEGER NOT NULL, 
	added_by INTEGER NOT NULL, 
	retired_by INTEGER NOT NULL, 
	head INTEGER NOT NULL, 
	updated DATETIME NOT NULL, 
	CONSTRAINT pk_tag_state PRIMARY KEY (tag, added_by)
);
INSERT INTO "tag_state" VALUES(1,1,4,9223372036854775807,23,'2026-11-27 17:28:46.995755');
INSERT INTO "tag_state" VALUES(2,1,5,9223372036854775807,20,'2026-11-27 17:28:46.826827');
INSERT INTO "tag_state" VALUES(3,1,16,9223372036854775807,16,'2026-11-27 17:28:46.587646');
INSERT INTO "tag_state" VALUES(4,1,19,21,22,'2026-11-27 17:28:46.959414');
INSERT INTO "tag_state" VALUES(4,2,21,22,22,'2026-11-27 17:28:46.959414');
INSERT INTO "tag_state" VALUES(4,3,22,9223372036854775807,22,'2026-11-27 17:28:46.959414');
INSERT INTO "tag_state" VALUES(5,1,24,25,25,'2026-11-27 17:28:47.069604');
CREATE TABLE tag_status (
	id INTEGER NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	mode VARCHAR(10) NOT NULL, 
	final BOOLEAN NOT NULL, 
	description TEXT, 
	created DATETIME NOT NULL, 
	added_by INTEGER NOT NULL, 
	CONSTRAINT pk_tag_status PRIMARY KEY (id), 
	CONSTRAINT uq_tag_status_name UNIQUE (name)
);
INSERT INTO "tag_status" VALUES(1,'unlocked','open',0,NULL,'2026-11-27 17:28:43.267298',0);
INSERT INTO "tag_status" VALUES(2,'locked','append',0,NULL,'2026-11-27 17:28:43.267298',0);
INSERT INTO "tag_status" VALUES(3,'frozen','closed',1,NULL,'2026-11-27 17:28:43.267298',0);
CREATE TABLE token (
	id INTEGER NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	description TEXT, 
	scopes JSON NOT NULL, 
	created DATETIME NOT NULL, 
	expires DATETIME, 
	revoked DATETIME, 
	last_used DATETIME, 
	CONSTRAINT pk_token PRIMARY KEY (id), 
	CONSTRAINT uq_token_hash UNIQUE (hash)
);
CREATE UNIQUE INDEX uq_global_tag_live_id ON global_tag (id) WHERE retired_by = 9223372036854775807;
CREATE UNIQUE INDEX uq_global_tag_live_name ON global_tag (name) WHERE retired_by = 9223372036854775807;
CREATE UNIQUE INDEX uq_iov_live_start ON iov (series, start_major desc, start_minor desc) WHERE retired_by = 9223372036854775807;
CREATE INDEX ix_iov_history ON iov (series, start_major desc, start_minor desc, added_by, retired_by);
CREATE INDEX ix_iov_checksum ON iov (checksum);
CREATE INDEX ix_list_state_global_tag ON list_state (global_tag, added_by);
CREATE INDEX ix_list_state_live_tag ON list_state (global_tag) WHERE retired_by = 9223372036854775807;
CREATE INDEX ix_list_state_series ON list_state (series);
CREATE UNIQUE INDEX uq_list_state_live_payload_list ON list_state (payload_list) WHERE retired_by = 9223372036854775807;
CREATE INDEX ix_payload_list_payload_type ON payload_list (payload_type);
CREATE UNIQUE INDEX uq_payload_list_live_id ON payload_list (id) WHERE retired_by = 9223372036854775807;
CREATE UNIQUE INDEX uq_payload_list_live_name ON payload_list (name) WHERE retired_by = 9223372036854775807;
CREATE UNIQUE INDEX uq_payload_type_live_id ON payload_type (id) WHERE retired_by = 9223372036854775807;
CREATE UNIQUE INDEX uq_payload_type_live_name ON payload_type (name) WHERE retired_by = 9223372036854775807;
CREATE INDEX ix_staged_iov_inserted ON staged_iov (inserted);
CREATE INDEX ix_payload_checksum ON payload (checksum);
CREATE INDEX ix_payload_sha256 ON payload (sha256);
CREATE UNIQUE INDEX uq_payload_type_revision ON payload (payload_type, revision);
CREATE UNIQUE INDEX uq_tag_state_live_tag ON tag_state (tag) WHERE retired_by = 9223372036854775807;
CREATE UNIQUE INDEX uq_change_idempotency_key ON change (idempotency_key) WHERE idempotency_key is not null;
COMMIT;
