CREATE TABLE "reconciliation_checks" (
	"check_type" varchar(64) PRIMARY KEY NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"lease_until" timestamp with time zone,
	"cursor" text DEFAULT '' NOT NULL
);
