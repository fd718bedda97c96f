DROP TABLE "staged_packs", "server_secrets", "packs", "agent_keys";
DROP TYPE "migration_status";
