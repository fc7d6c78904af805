/**
 * All systems that are backed up, and what can be done with the backups of any of them. This is the only place that knows
 * them all: a new system is one more line in SYSTEMS.
 */
import type { BackupKind } from './archive';
import { filesSystem } from './files';
import { minioSystem } from './minio';
import { n8nSystem } from './n8n';
import { postgresSystem } from './postgres';
import { qdrantSystem } from './qdrant';
import * as report from './report';
import * as retention from './retention';
import type { Storage } from './storage';
import * as verify from './verify';

/** Files take any tar, so they come after the systems that know tars of their own. */
export const SYSTEMS: readonly verify.BackupSystem[] = [
	postgresSystem,
	qdrantSystem,
	minioSystem,
	n8nSystem,
	filesSystem,
];

const LOGS = SYSTEMS.flatMap(({ logs = [] }) => logs);

/** What findAnomalies looks at. */
export const ANOMALY_MEASURES: readonly verify.AnomalyMeasure[] = verify.measuresOf(SYSTEMS);

/** Verifies one backup; see engine/verify/verifyBackup.ts. */
export async function verifyBackup(options: verify.VerifyBackupOptions): Promise<verify.VerificationReport> {
	return await verify.verifyBackup(SYSTEMS, options);
}

/** Verifies a file that another program made; see engine/verify/foreign/verifyFile.ts. */
export async function verifyFile(options: verify.VerifyFileOptions): Promise<verify.VerificationReport> {
	return await verify.verifyFile(SYSTEMS, options);
}

/** Restores the newest of everything for a test; see engine/verify/drill.ts. */
export async function drill(options: verify.DrillOptions): Promise<verify.DrillReport> {
	return await verify.drill(SYSTEMS, options);
}

/** Compares a backup with those before it; see engine/verify/anomalies.ts. */
export function findAnomalies(
	manifest: verify.TrendFacts,
	manifests: readonly verify.TrendFacts[],
	options?: verify.AnomalyOptions,
): verify.Anomaly[] {
	return verify.findAnomalies(SYSTEMS, manifest, manifests, options);
}

/** What is wrong with the backups of a storage; see engine/report/problems.ts. */
export function findProblems(state: report.StorageState, conditions?: report.Conditions): report.Problem[] {
	return report.findProblems(SYSTEMS, state, conditions);
}

/** What a storage holds; see engine/report/state.ts. */
export async function readState(storage: Storage, options?: report.StateOptions): Promise<report.StorageState> {
	return await report.readState(storage, { ...options, logs: LOGS });
}

/** Applies a retention policy; see engine/retention/prune.ts. */
export async function prune(options: Omit<retention.PruneOptions, 'logs'>): Promise<retention.PruneReport> {
	return await retention.prune({ ...options, logs: LOGS });
}

/** The document of a report; see engine/report/report.ts. */
export function reportOf(
	state: report.StorageState,
	problems: readonly report.Problem[],
	options: report.ReportOptions,
): report.ReportDocument {
	return report.reportOf(SYSTEMS, state, problems, options);
}

/** Each target and what the storage's state comes to; see engine/report/targets.ts. */
export function resultsOf(state: report.StorageState, targets?: report.Targets): report.TargetResult[] {
	return report.resultsOf(SYSTEMS, state, targets);
}

/** The text that Prometheus scrapes; see engine/report/metrics.ts. */
export async function metricsText(
	state: report.StorageState,
	problems: readonly report.Problem[],
	options: report.MetricsOptions,
): Promise<string> {
	return await report.metricsText(SYSTEMS, state, problems, options);
}

/** How deep backups of a kind can be verified: not all of them can be restored for a test. */
export function deepestLevelOf(kind: BackupKind): verify.VerificationLevel {
	return verify.deepestLevelOf(SYSTEMS, kind);
}

/** The name of the system that backups of a kind belong to; undefined where no system brings it. */
export function systemOf(kind: BackupKind): string | undefined {
	return verify.systemOf(SYSTEMS, kind);
}

/** Whether backups of a kind hold data. Roles alone, for instance, bring nothing back. */
export function holdsData(kind: BackupKind): boolean {
	return verify.findKind(SYSTEMS, kind)?.ofKind.holdsData ?? false;
}
