import { prune } from '../../../../engine/retention';
import { FolderStorage } from '../../../../engine/storage';

// Prunes a folder, for which some of it may be closed. Root may write anywhere, so it becomes nobody first.
const NOBODY = 65534;
const [root = '', rules = '{}'] = process.argv.slice(2);
if (process.getuid?.() === 0) {
	process.setgroups?.([]);
	process.setgid?.(NOBODY);
	process.setuid?.(NOBODY);
}
const policy = { rules: JSON.parse(rules) as object, maxDeletedShare: 1 };
prune({ storage: new FolderStorage({ root }), policy, owner: 'nobody' }).then(
	({ deleted, failed, stuck, weeklyCopies }) =>
		process.stdout.write(
			JSON.stringify({
				deleted: deleted.map(({ key }) => key),
				failed: failed.map(({ entry, error }) => [entry.key, error.code]),
				stuck: stuck.map(({ what, error }) => [what, error.code]),
				copies: weeklyCopies.map(({ error }) => error?.code),
			}),
		),
	(error: { code?: string; message: string }) =>
		process.stdout.write(JSON.stringify({ code: error.code, message: error.message })),
);
