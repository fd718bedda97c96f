DROP TRIGGER "prevent_audit_log_truncate" ON "audit_log";
DROP TRIGGER "prevent_audit_log_delete" ON "audit_log";
DROP TRIGGER "prevent_audit_log_update" ON "audit_log";
DROP FUNCTION "prevent_audit_log_modification"();
