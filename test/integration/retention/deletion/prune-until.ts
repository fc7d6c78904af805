import { prune } from '../../../../engine/retention';
import { FolderStorage } from '../../../../engine/storage';
import { intercepted, removals } from '../proxy';

// Prunes a folder, and sends itself a signal right after the first change of a key that holds some text.
const [root = '', signal = 'SIGKILL', where = ''] = process.argv.slice(2);
const folder = new FolderStorage({ root });
let isSent = false;
const afterwards =
	<A extends [string, ...unknown[]], R>(method: (...args: A) => Promise<R>) =>
	async (...args: A): Promise<R> => {
		const result = await method.apply(folder, args);
		const keys = args.filter((arg) => typeof arg === 'string');
		if (!isSent && keys.some((key) => key.includes(where))) {
			isSent = true;
			process.kill(process.pid, signal);
		}
		return result;
	};
const storage = intercepted(folder, {
	write: afterwards(folder.write),
	copy: afterwards(folder.copy),
	replace: afterwards(folder.replace),
	...removals(afterwards(folder.remove)),
});

const policy = { rules: { last: 2, weeklySnapshots: 1 }, maxDeletedShare: 1 };
prune({ storage, policy, owner: 'a run that is killed' }).then(
	() => process.stdout.write('done'),
	(error: { code?: string }) => {
		process.stdout.write(String(error.code));
		process.exitCode = 1;
	},
);
