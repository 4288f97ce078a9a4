import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { api } from '../lib/api';
import { Time } from '../ui/Age';
import { Facts } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { download } from '../ui/ListPage';
import { Problem, Skeleton } from '../ui/Problem';
import { words } from '../ui/Status';

/** The signed proof of a disconnect, to read, print and keep. */
export function Receipt() {
  const { id = '' } = useParams({ strict: false });
  const receipt = useQuery({
    queryKey: ['receipt', id],
    queryFn: async () =>
      (await api.GET('/v1/disconnects/{id}/receipt', { params: { path: { id } } })).data,
  });
  const answer = receipt.data;
  const save = () =>
    download(
      new Blob([`${JSON.stringify(answer, null, 2)}\n`], { type: 'application/json' }),
      `${id}-receipt.json`,
    );
  return (
    <div className="page narrow">
      <Link to="/disconnects/$id" params={{ id }} className="crumb no-print">
        <Icon name="left" size={12} />
        Disconnect
      </Link>
      <header className="page-head">
        <h1>Receipt</h1>
        {answer && (
          <div className="row no-print">
            <button type="button" className="button" onClick={() => print()}>
              <Icon name="print" />
              Print
            </button>
            <button type="button" className="button primary" onClick={save}>
              <Icon name="download" />
              Download
            </button>
          </div>
        )}
      </header>
      {receipt.isError && <Problem error={receipt.error} retry={receipt.refetch} />}
      {answer === undefined
        ? !receipt.isError && <Skeleton lines={8} />
        : (() => {
            const { receipt: body, signature } = answer.data;
            return (
              <>
                <section className="card" aria-label="Disconnect">
                  <Facts
                    facts={[
                      ['Disconnect', <code key="i">{body.id}</code>],
                      ['Team', <code key="t">{body.team_id}</code>],
                      ['State', words(body.state)],
                      ['Reason', words(body.reason_code)],
                      ['Note', body.reason_note ?? '–'],
                      ['Requested by', `${body.requested_by.name} (${body.requested_by.key_id})`],
                      ['Requested', <Time key="r" at={body.created_at} />],
                      ['Finished', <Time key="f" at={body.finished_at} />],
                      [
                        'Accounts',
                        `${body.summary.succeeded} disconnected, ${body.summary.failed} failed, ${body.summary.cancelled} cancelled`,
                      ],
                    ]}
                  />
                </section>
                <section className="card" aria-label="Accounts">
                  <ul className="timeline">
                    {body.steps.map((step) => (
                      <li key={step.account_id}>
                        <div className="grow stack tight">
                          <span className="row wrap">
                            <strong>{step.username ?? step.ref}</strong>
                            <code className="quiet">{step.ref}</code>
                          </span>
                          <span className="quiet small">
                            {words(step.outcome ?? step.state)} · verified {step.verified}
                            {step.verified_at && (
                              <>
                                {' '}
                                at <Time at={step.verified_at} />
                              </>
                            )}
                            {step.last_error && ` · ${step.last_error.message}`}
                          </span>
                        </div>
                      </li>
                    ))}
                  </ul>
                </section>
                <section className="card" aria-label="Signature">
                  <Facts
                    facts={[
                      ['Signature', <code key="s">{signature.value}</code>],
                      ['Algorithm', signature.algorithm],
                      ['Signed with', <code key="k">{signature.key_id}</code>],
                    ]}
                  />
                  <p className="quiet small">
                    It is over the canonical JSON of <code>receipt</code> in the download; keys are
                    at <code>/.well-known/rollcall.json</code>.
                  </p>
                </section>
              </>
            );
          })()}
    </div>
  );
}
