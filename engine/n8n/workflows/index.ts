/** Workflows of an n8n: exported by its API, read out of files, compared, and imported. */
export { chosenBy, describeChoice, type WorkflowChoice } from './choice';
export type { Change } from './compare/compareWorkflow';
export type { BesideKind } from './beside/state';
export type { BesideChange } from './compare/compareBeside';
export {
	compareWorkflows,
	type ComparedSides,
	type ComparedWorkflow,
	type CompareOptions,
} from './compare/compareSides';
export type { MatchBy } from './compare/matchBy';
export { exportWorkflows, type ExportForm, type ExportWorkflowsOptions } from './exportWorkflows';
export {
	importWorkflows,
	type BesideImportKind,
	type ImportedBeside,
	type ImportedWorkflow,
	type ImportedWorkflows,
	type ImportWorkflowsOptions,
} from './import/importWorkflows';
export type { ImportMode } from './import/plan';
export { type JsonObject, projectNamesOf, tagsOf } from './workflow';
export { archiveSide, foreignSide, type ForeignWorkflows, instanceSide, type WorkflowSide } from './side';
