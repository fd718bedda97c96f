DROP TABLE "ci_step_results", "ci_runs";
DROP TYPE "ci_run_status";
