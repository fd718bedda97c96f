ALTER TABLE "staged_packs" DROP COLUMN "loose";
