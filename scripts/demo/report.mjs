import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, outputOf } from './execute.mjs';
import { answerOf } from './webhook.mjs';

export const reportScenarios = [
	{ title: 'The morning report says what is safe, and is mailed', run: report },
	{ title: 'The status page and the metrics answer at their webhooks', run: answer },
];

const LINES = 8;

async function report(environment) {
	const { backups, mail } = environment;
	const execution = await execute(environment, 'report-daily-mail.json', 'Every Morning at 07:00');
	const { subject, text, status } = outputOf(execution, 'Report');
	const stored = JSON.parse(readFileSync(join(backups, 'backup_report.json'), 'utf8'));
	if (stored.status !== status) throw new Error('The storage holds another report.');
	const message = mail.mails.find(({ content }) => content.includes(subject.slice(0, 40)));
	if (!message) throw new Error('The report was not mailed.');
	return [`Mailed to ${message.to}: "${subject}"`, ...text.split('\n').slice(2, 2 + LINES)];
}

async function answer(environment) {
	const page = await answerOf(environment, 'report-status-page.json', 'backup-status');
	if (!page.startsWith('<!DOCTYPE html>')) throw new Error('The webhook answered no page.');
	const metrics = await answerOf(environment, 'report-metrics.json', 'backup-metrics');
	const found = metrics.match(/^stack_backup_backups\{.*\} \d+$/gm) ?? [];
	if (found.length === 0) throw new Error('The webhook answered no metrics.');
	const { url } = environment.n8n;
	environment.account.note('Status page', `${url}/webhook/backup-status (user demo, password demo)`);
	return [
		`${url}/webhook/backup-status (user demo, password demo): ${/<h1>(.*?)<\/h1>/.exec(page)[1]}`,
		`${url}/webhook/backup-metrics: ${metrics.split('\n').length} lines`,
		...found.slice(0, 3),
	];
}
