import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

/** The console, until it has pages: it shows where the API is described. */
function Console() {
  return (
    <main>
      <h1>Rollcall</h1>
      <p>
        The API is described at <a href="/docs/">/docs</a>.
      </p>
    </main>
  );
}

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element with the id root');
createRoot(root).render(
  <StrictMode>
    <Console />
  </StrictMode>,
);
