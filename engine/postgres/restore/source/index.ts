export { assertWholeContent } from './archiveContent';
export { ArchiveSource } from './archiveSource';
export { leftOut, StatementChooser } from './chooser';
export { type Decision, parseTableName, type RestoreSelection, rowsElsewhere, SelectionFilter } from './selection';
export type { CopyStep, FilledTables, Inspection, RestoreSource, RestoreStep, SourceFacts } from './source';
export { KeptDefinitions, StatementSurvey } from './survey';
export { endsInTransaction, withoutTransactions } from './transactions';
