-- The index that every account is found by its profile with serves lists of accounts as well.
DROP INDEX "accounts_profile_idx";
