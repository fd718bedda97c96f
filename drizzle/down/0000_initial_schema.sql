DROP TABLE "event_outbox", "audit_chains", "audit_log", "idempotency_results", "repo_trending_scores", "star_events",
	"repo_star_counts", "repo_stars", "reviews", "pull_requests", "repo_access", "repositories", "reputation", "agents";
DROP TYPE "access_role", "visibility", "ci_status", "pr_status", "review_verdict", "star_action", "trending_window", "outbox_status";
