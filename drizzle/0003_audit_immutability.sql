-- Hand-written: drizzle-kit knows no triggers.
-- Privileges stay with the owner: the foreign key of event_outbox locks the audit row it names (FOR KEY SHARE), and
-- that lock needs the UPDATE privilege. The triggers refuse every writer, superusers included.
CREATE FUNCTION "prevent_audit_log_modification"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'audit_log is append-only: % is not allowed', TG_OP USING ERRCODE = 'restrict_violation';
END;
$$;
--> statement-breakpoint
CREATE TRIGGER "prevent_audit_log_update" BEFORE UPDATE ON "audit_log" FOR EACH ROW EXECUTE FUNCTION "prevent_audit_log_modification"();
--> statement-breakpoint
CREATE TRIGGER "prevent_audit_log_delete" BEFORE DELETE ON "audit_log" FOR EACH ROW EXECUTE FUNCTION "prevent_audit_log_modification"();
--> statement-breakpoint
-- Row triggers do not see TRUNCATE.
CREATE TRIGGER "prevent_audit_log_truncate" BEFORE TRUNCATE ON "audit_log" FOR EACH STATEMENT EXECUTE FUNCTION "prevent_audit_log_modification"();
