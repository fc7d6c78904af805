import { fork } from 'node:child_process';
import { once } from 'node:events';

import type { Contender } from './measure';

/**
 * A run of ours in a process of its own, so that its memory can be told: the bench's own file, which gets the run as its argument
 * and sends its measures.
 */
export function inOwnProcess(file: string, peer: string[], run: object, prepare?: () => Promise<void>): Contender {
	return {
		name: 'n8n-nodes-stack-backup',
		peer,
		...(prepare && { prepare }),
		run: async () => {
			const child = fork(file, [JSON.stringify(run)]);
			const [[result]] = (await Promise.all([once(child, 'message'), once(child, 'exit')])) as [
				[{ seconds: number; cpu: number; megabytes: number; bytes: number }],
				unknown,
			];
			return result;
		},
	};
}
