DROP TABLE "webhook_deliveries", "webhooks", "audit_positions", "audit_unplaced", "audit_checkpoints";
ALTER TABLE "audit_chains" DROP COLUMN "checkpointed_seq";
