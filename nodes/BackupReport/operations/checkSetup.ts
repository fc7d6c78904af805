import { checkSetupOperation } from '../../shared/setup/checkSetup';

/** Finds out what would make back ups into a storage, or restores out of it, fail: one item for each finding. */
export const checkSetup = checkSetupOperation();
