/** How names and messages from a storage, which may hold anything, become harmless text in each format. */
import { oneLine } from '../words';

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** For HTML, in text and in attributes. */
export function escapedHtml(text: string): string {
	return oneLine(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** For Markdown, in a table's cell too; an address does not become a link, as GitHub would make of it. */
export function escapedMarkdown(text: string): string {
	return oneLine(text)
		.replace(/[\\`*_{}[\]<>()#+!|~&@-]/g, (character) => `\\${character}`)
		.replace(/:(?=\/\/)/g, '\\:')
		.replace(/\bwww\./gi, (start) => `${start.slice(0, 3)}\\.`);
}

/** For Slack's mrkdwn: entities as Slack wants them, and nothing that would be formatting or call people. */
export function escapedSlack(text: string): string {
	return (
		oneLine(text)
			.replace(/[&<>]/g, (character) => ENTITIES[character]!)
			.replace(/[*_~`]/g, (character) => `\u200b${character}`)
			// A name must not bring a sign of its own, such as :white_check_mark:.
			.replace(/:(?=[\w+'-]*:)/g, ':\u200b')
	);
}
