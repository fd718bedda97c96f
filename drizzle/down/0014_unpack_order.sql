UPDATE "packs" SET "unpack_next" = 0 WHERE "unpacked_at" IS NULL;
