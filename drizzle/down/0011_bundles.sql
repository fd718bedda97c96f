DROP TABLE "bundles";
