BEGIN TRANSACTION;
CREATE TABLE approvals (
	tenant VARCHAR NOT NULL, 
	ticket_id VARCHAR NOT NULL, 
	request_id VARCHAR NOT NULL, 
	deadline DATETIME, 
	total_minor BIGINT, 
	currency VARCHAR, 
	action_kinds JSON NOT NULL, 
	published_at DATETIME, 
	outcome VARCHAR, 
	settled_at DATETIME, 
	CONSTRAINT pk_approvals PRIMARY KEY (tenant, ticket_id, request_id)
);
CREATE TABLE audit (
	number INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	tenant VARCHAR NOT NULL, 
	ticket_id VARCHAR NOT NULL, 
	actor VARCHAR NOT NULL, 
	what VARCHAR NOT NULL, 
	detail JSON NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (number)
);
INSERT INTO "audit" VALUES(1,'2026-05-04 12:00:00.000000','shop','T1','closeloop','effect_executing','{"effect_id": "done", "kind": "refund_payment", "amount_minor": 300, "request_id": null}');
INSERT INTO "audit" VALUES(2,'2026-05-04 12:00:00.000000','shop','T1','closeloop','effect_done','{"effect_id": "done", "receipt_id": "r1"}');
INSERT INTO "audit" VALUES(3,'2026-05-04 12:00:00.000000','shop','T1','closeloop','effect_executing','{"effect_id": "unknown", "kind": "refund_payment", "amount_minor": 200, "request_id": null}');
INSERT INTO "audit" VALUES(4,'2026-05-04 12:00:00.000000','shop','T1','closeloop','effect_unknown','{"effect_id": "unknown", "code": null}');
INSERT INTO "audit" VALUES(5,'2026-05-04 12:00:00.000000','shop','T2','closeloop','effect_reserved','{"effect_id": "reserved", "kind": "refund_payment", "amount_minor": 100, "request_id": null}');
CREATE TABLE effect_components (
	tenant VARCHAR NOT NULL, 
	effect_id VARCHAR NOT NULL, 
	component_id VARCHAR NOT NULL, 
	live BOOLEAN NOT NULL, 
	CONSTRAINT pk_effect_components PRIMARY KEY (tenant, effect_id, component_id), 
	CONSTRAINT fk_effect_components_effects FOREIGN KEY(tenant, effect_id) REFERENCES effects (tenant, effect_id)
);
INSERT INTO "effect_components" VALUES('shop','done','done',1);
INSERT INTO "effect_components" VALUES('shop','unknown','unknown',1);
INSERT INTO "effect_components" VALUES('shop','reserved','reserved',1);
CREATE TABLE effects (
	tenant VARCHAR NOT NULL, 
	effect_id VARCHAR NOT NULL, 
	ticket_id VARCHAR NOT NULL, 
	action_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	order_id VARCHAR, 
	customer_id VARCHAR, 
	amount_minor BIGINT, 
	currency VARCHAR, 
	state VARCHAR NOT NULL, 
	request_id VARCHAR, 
	approved_by VARCHAR, 
	reserved_until DATETIME, 
	day DATE, 
	receipt JSON, 
	error_code VARCHAR, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_effects PRIMARY KEY (tenant, effect_id), 
	CONSTRAINT ck_effects_state CHECK (state IN ('reserved', 'executing', 'unknown', 'done', 'failed', 'released')), 
	CONSTRAINT ck_effects_amount CHECK (amount_minor >= 0)
);
INSERT INTO "effects" VALUES('shop','done','T1','a1','refund_payment','#W1','ann',300,'USD','done',NULL,NULL,NULL,'2026-05-04','{"receipt_id": "r1", "summary": "refunded", "amount": null, "settled": true, "at": "2026-05-04T12:00:00Z"}',NULL,'2026-05-04 12:00:00.000000','2026-05-04 12:00:00.000000');
INSERT INTO "effects" VALUES('shop','unknown','T1','a1','refund_payment','#W1','ann',200,'USD','unknown',NULL,NULL,NULL,'2026-05-04',NULL,NULL,'2026-05-04 12:00:00.000000','2026-05-04 12:00:00.000000');
INSERT INTO "effects" VALUES('shop','reserved','T2','a1','refund_payment','#W1','ann',100,'USD','reserved',NULL,NULL,'2026-05-05 12:00:00.000000',NULL,NULL,NULL,'2026-05-04 12:00:00.000000','2026-05-04 12:00:00.000000');
CREATE TABLE outcome_events (
	number INTEGER NOT NULL, 
	tenant VARCHAR NOT NULL, 
	ticket_id VARCHAR NOT NULL, 
	event_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	data JSON NOT NULL, 
	CONSTRAINT pk_outcome_events PRIMARY KEY (number), 
	CONSTRAINT uq_outcome_events_tenant_ticket_id_event_id UNIQUE (tenant, ticket_id, event_id)
);
CREATE TABLE tickets (
	tenant VARCHAR NOT NULL, 
	ticket_id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	mode VARCHAR NOT NULL, 
	intent VARCHAR, 
	priority VARCHAR, 
	subject VARCHAR NOT NULL, 
	opened_at DATETIME NOT NULL, 
	closure VARCHAR, 
	"view" JSON NOT NULL, 
	sequence BIGINT NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_tickets PRIMARY KEY (tenant, ticket_id)
);
CREATE INDEX ix_effects_tenant_day ON effects (tenant, day);
CREATE INDEX ix_effects_tenant_state_reserved_until ON effects (tenant, state, reserved_until);
CREATE INDEX ix_tickets_tenant_opened_at ON tickets (tenant, opened_at);
CREATE INDEX ix_approvals_outcome_deadline ON approvals (outcome, deadline);
CREATE INDEX ix_outcome_events_tenant_at ON outcome_events (tenant, at);
CREATE INDEX ix_audit_tenant_ticket_id ON audit (tenant, ticket_id);
CREATE UNIQUE INDEX uq_effect_components_live ON effect_components (tenant, component_id) WHERE live IS 1;
COMMIT;
