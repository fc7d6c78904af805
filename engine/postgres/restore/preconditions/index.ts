/**
 * Everything that is checked before a restore changes anything, in the order in which restoreDatabase asks:
 *
 * 1. `checkRequest`: the request by itself: names, numbers, the confirmation, and choices that exclude each other.
 * 2. `checkTargetDatabase`: the server lets the user in, can be written to, and has the database that is to be replaced, or
 *    none of the new name. The staging database asks `checkNew` and `checkReplaceable` once more, for reading the source may
 *    take hours.
 * 3. `RestoreSource.inspect` (../source) reads the source and checks it. Statements that must never run are refused there.
 * 4. `checkChoice`: the source holds what was chosen, and all that the target takes for granted.
 * 5. `checkRequirements`: the server has the extensions and the roles that the source needs.
 *
 * What depends on the tables of an existing database is checked in ../existing, in the transaction that changes them and
 * once they are locked: that they can be emptied or dropped without a loss (`planEmptying`, `dropTables`), and that the user
 * may fill them (`checkFillable`).
 */
export { checkChoice, partialWarnings } from './choice';
export { checkRequest } from './request';
export { checkRequirements, missingRoles } from './requirements';
export { checkNew, checkReplaceable, checkTargetDatabase } from './targetDatabase';
