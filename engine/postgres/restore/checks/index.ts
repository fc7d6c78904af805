export { checkComplete, compareRows, lostTables, shortTables } from './completeness';
export { postRestoreWarnings } from './postRestore';
