/** Files with workflows that others have made, so that they can be verified: see engine/verify/system.ts. */
import type { CheckedFile, FileFormat } from '../../../verify/system';
import type { CheckContext } from '../../../verify/types';
import { NO_WORKFLOW, readWorkflows } from '../read';
import { WorkflowJudge } from './problems';

/**
 * How they begin: the nodes come early (Download in the editor), or n8n's own members in the order in which n8n 2.41.3 writes them.
 * Other JSON may begin so, too.
 */
const BEGINS = /^(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{[^]*"(?:nodes|connections)"\s*:\s*[[{]/;
const BEGINS_AS_EXPORT =
	/^(?:\xef\xbb\xbf)?\s*\[?\s*\{\s*"updatedAt"\s*:\s*"[^"]*",\s*"createdAt"\s*:\s*"[^"]*",\s*"id"\s*:/;

/** A file that is wrong in many places says so in the first of them. */
export const FOUND_AT_MOST = 100;

/** What `n8n export:workflow --all` makes, or a single workflow. */
export const workflowsFile: FileFormat = {
	form: 'workflows of n8n',
	recognise: (head) => {
		const text = head.toString('latin1');
		return BEGINS.test(text) || BEGINS_AS_EXPORT.test(text);
	},
	check,
};

async function check(content: AsyncIterable<Uint8Array>, context: CheckContext): Promise<CheckedFile> {
	const judge = new WorkflowJudge();
	const strangers: string[] = [];
	let found = 0;
	const tell: CheckContext['found'] = (finding) => {
		if (++found <= FOUND_AT_MOST) context.found(finding);
	};
	const { workflows, others } = await readWorkflows(
		{ name: 'The file', open: () => content },
		(workflow, part) => {
			for (const problem of judge.judge(workflow, false)) tell({ ...problem, part });
		},
		{
			signal: context.signal,
			onProblem: (part, message) => {
				if (message !== NO_WORKFLOW) tell({ severity: 'error', part, message });
				else if (strangers.length < FOUND_AT_MOST) strangers.push(part);
			},
		},
	);
	// Other JSON that has nodes in it.
	if (workflows === 0 && found === 0) return { form: 'JSON', counts: { elements: others } };
	for (const part of strangers) {
		tell({ severity: 'error', part, message: 'It is no workflow, though others in the file are.' });
	}
	return { counts: { workflows } };
}
