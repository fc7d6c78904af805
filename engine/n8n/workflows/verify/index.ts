/** What exports of workflows bring so that they can be verified: see engine/verify/system.ts. */
import type { Manifest } from '../../../archive';
import { BackupError } from '../../../errors';
import type { Counts, SystemKind } from '../../../verify/system';
import type { CheckContext } from '../../../verify/types';
import { readWorkflows } from '../read';
import { BesideJudge } from './beside';
import { WorkflowJudge } from './problems';

/** A backup that is wrong in many places says so in the first of them. */
const FOUND_AT_MOST = 100;

/** Workflows cannot be restored for a test: that would take an n8n of its own. */
export const workflowsKind: SystemKind = {
	kind: 'n8n-workflows',
	holdsData: true,
	canBeRestored: false,
	check: async (raw, manifest, context) => ({ counts: await checkWorkflows(raw, manifest, context) }),
};

async function checkWorkflows(
	raw: AsyncIterable<Uint8Array>,
	manifest: Manifest,
	context: CheckContext,
): Promise<Counts> {
	const judge = new WorkflowJudge();
	const beside = new BesideJudge();
	const found = limited(context);
	try {
		await readWorkflows(
			{ name: manifest.file, open: () => raw },
			(workflow, part) => {
				for (const problem of judge.judge(workflow, true)) found({ ...problem, part });
			},
			{
				signal: context.signal,
				beside,
				onProblem: (part, message) => found({ severity: 'error', part, message }),
			},
		);
	} catch (error) {
		// The form of the content, which the reader has found to be what was stored.
		if (!(error instanceof BackupError) || !['INVALID_INPUT', 'ARCHIVE_INCOMPLETE'].includes(error.code)) throw error;
		context.found({ severity: 'error', message: error.message, code: error.code });
		return judge.counts;
	}
	for (const problem of beside.problems()) found(problem);
	const counts = { ...judge.counts, ...beside.counts(manifest) };
	compareCounts(counts, manifest, context);
	return counts;
}

function compareCounts(counts: Counts, manifest: Manifest, context: CheckContext): void {
	for (const [name, count] of Object.entries(counts)) {
		const stated = manifest.counts[name];
		if (stated === count) continue;
		const message = `It holds ${count} ${name}, and its manifest says ${stated ?? 'nothing of them'}.`;
		context.found({ severity: 'error', message, hint: 'Do not rely on it. Export the workflows again.' });
	}
}

function limited(context: CheckContext): CheckContext['found'] {
	let count = 0;
	return (finding) => {
		if (++count <= FOUND_AT_MOST) context.found(finding);
	};
}
