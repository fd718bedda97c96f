DROP TABLE "push_certificates";
ALTER TABLE "push_events" DROP COLUMN "push_options";
ALTER TABLE "repositories" DROP COLUMN "push_cert_policy";
