DROP TABLE "push_events", "repo_refs";
