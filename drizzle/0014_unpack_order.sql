-- Progress counts entries in the order of the file now; what was counted in another order begins anew.
UPDATE "packs" SET "unpack_next" = 0 WHERE "unpacked_at" IS NULL;
