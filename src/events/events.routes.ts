import { z } from 'zod';
import { answerFeed, NO_TOTAL, REWOUND } from '../http/feed.js';
import { listOf } from '../http/page.js';
import { endpoint } from '../http/route.js';
import { askedOf, feedQuery, streamQuery } from './events.requests.js';
import { EVENT_EXAMPLE, eventSchema } from './events.schema.js';
import { EVENT_STREAM, type EventsService } from './events.service.js';

const STREAM_EXAMPLE = `id: WyI3NjgiLCJldnRfMDFrOXozbTgi\ndata: ${JSON.stringify(EVENT_EXAMPLE)}\n\n`;
export function eventEndpoints(events: EventsService) {
  return {
    list: endpoint({
      summary:
        'List events, oldest first. Continue with the last `next_cursor` as `after`: no event is missed or repeated',
      mayLag: 'unless_written',
      description: `${NO_TOTAL} ${REWOUND}`,
      query: feedQuery,
      answers: { 200: listOf(eventSchema) },
      problems: ['ambiguous_reference', 'cursor_mismatch', 'history_rewound'],
      handle: async (call) => {
        const { caller, query } = call;
        const { after: value, limit: _limit, ...filters } = query;
        const direction = query.order_direction;
        const filter = { ...(await events.filterOf(caller, askedOf(query))), direction };
        return answerFeed(call, filters, {
          after: { parameter: 'after', value },
          hasEnd: direction === 'desc',
          read: (after, limit) => events.page(caller, filter, after, limit),
          cursorOf: (row) => events.cursor(caller, row.position, direction),
        });
      },
    }),

    stream: endpoint({
      summary: 'Stream events as server-sent events; `Last-Event-ID` resumes a stream',
      description:
        'While there are no events, a comment is sent every 15 seconds. A stream ends after an hour, when its replica stops, ' +
        'and within five seconds after its key was revoked or has expired: reconnect with the last id, to any replica. A key may have 10 streams open on each replica, a team 30; they do not count as requests in progress. ' +
        REWOUND,
      query: streamQuery,
      answers: { 200: z.string().meta({ examples: [STREAM_EXAMPLE] }) },
      produces: EVENT_STREAM,
      isStream: true,
      problems: ['ambiguous_reference', 'cursor_mismatch', 'history_rewound'],
      handle: async (call) => {
        const { caller } = call;
        const filter = await events.filterOf(caller, askedOf(call.query));
        const from = call.lastEventId ?? call.query.after;
        return {
          status: 200,
          body: await events.stream(caller, filter, from, call),
        };
      },
    }),
  };
}
