export { withRowsKept } from './extensionRows';
export { checkComplete, compareRows, lostTables, shortTables } from './completeness';
export { postRestoreWarnings } from './postRestore';
