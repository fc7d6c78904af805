/**
 * Reports: what is safe and what is not, judged by what the storage holds. state.ts looks at it; problems.ts and targets.ts
 * judge; report.ts, texts, metrics.ts and page tell people and machines.
 */
export { type HeldBackup, type SeriesState } from './held';
export { readState, type StateOptions, type StorageState } from './state';
export { nameFilter, withoutIgnored } from './ignored';
export { DEFAULT_TARGETS, resultsOf, type TargetResult, type Targets } from './targets';
export { DEFAULT_CONDITIONS, findProblems, type Conditions, type Problem, type ProblemKind } from './problems';
export { type ServerContent } from './uncovered';
export { reportOf, type ClaimedBackup, type ReportDocument, type ReportOptions } from './report';
export { checkAlerts, type AlertDecision, type AlertOptions, type OpenProblem, type ToldProblem } from './alerts';
export { overviewOf, type Overview } from './overview';
export { METRICS_CONTENT_TYPE, metricsText, type MetricsOptions } from './metrics';
export { statusPage, type NextDeletions } from './page/page';
export { listRuns, type RunsOptions, type RunState, type ToldRun } from './runs';
export { deadRuns, runLine, runRow, type RunRow } from './running';
export { nextDeletions, retentionFigures } from './next-deletions';
export { plainText, subjectLine, type TextFacts } from './texts/plain';
export { markdown } from './texts/markdown';
export { mailHtml } from './texts/mail';
export { slackBlocks } from './texts/slack';
export { escapedHtml } from './texts/markup';
export { auditOf, type ReportedAudit, type ReportedEvent } from './audit';
export { ACTION_WORDS } from './event-rows';
export { readRecentEvents, type EventOptions, type RecentEvents } from './events';
export { failedRunProblems, failureProblems, refusalProblems } from './event-problems';
export { oneLine, readableHours, readableSize } from './words';
