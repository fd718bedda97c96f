DROP TABLE "reconciliation_checks";
