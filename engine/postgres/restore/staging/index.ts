export { type Outcome, restoreAndSwap, restoreAsNew } from './stagingDatabase';
