//! The tests' GWM behind a real listener.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use super::PATIENCE;
use crate::sasp::client::tests::gwm::Gwm;

enum Order {
    Send(Vec<u8>),
    HangUp,
}

/// A listener that serves one connection after the other; gone when dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    gwm: Arc<Mutex<Gwm>>,
    orders: mpsc::Sender<Order>,
    peer: watch::Receiver<Option<SocketAddr>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into()).await
    }

    pub(super) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let gwm = Arc::new(Mutex::new(Gwm::new()));
        let (orders, orders_out) = mpsc::channel(1);
        let (peer_in, peer) = watch::channel(None);
        let task = tokio::spawn(serve(listener, Arc::clone(&gwm), orders_out, peer_in));
        Self {
            address,
            gwm,
            orders,
            peer,
            task,
        }
    }

    pub(super) fn gwm(&self) -> MutexGuard<'_, Gwm> {
        self.gwm.lock().unwrap()
    }

    /// Sends the weights unasked.
    pub(super) async fn push(&self) {
        let bytes = self.gwm().push(None);
        self.orders.send(Order::Send(bytes)).await.unwrap();
    }

    /// Closes the connection.
    pub(super) async fn hang_up(&self) {
        self.orders.send(Order::HangUp).await.unwrap();
    }

    /// The other end of the connection, while there is one.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        *self.peer.borrow()
    }

    /// Waits until the client has closed the connection.
    pub(super) async fn closed(&self) {
        let mut peer = self.peer.clone();
        let gone = peer.wait_for(Option::is_none);
        timeout(PATIENCE, gone)
            .await
            .expect("the client closes")
            .unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: TcpListener,
    gwm: Arc<Mutex<Gwm>>,
    mut orders: mpsc::Receiver<Order>,
    peer: watch::Sender<Option<SocketAddr>>,
) {
    loop {
        let (stream, address) = listener.accept().await.unwrap();
        gwm.lock().unwrap().accept();
        peer.send_replace(Some(address));
        converse(stream, &gwm, &mut orders).await;
        peer.send_replace(None);
    }
}

async fn converse(mut stream: TcpStream, gwm: &Mutex<Gwm>, orders: &mut mpsc::Receiver<Order>) {
    let mut bytes = [0; 4096];
    loop {
        let out = tokio::select! {
            read = stream.read(&mut bytes) => match read {
                Ok(0) | Err(_) => return,
                Ok(read) => gwm.lock().unwrap().handle(&bytes[..read]),
            },
            order = orders.recv() => match order {
                Some(Order::Send(out)) => out,
                Some(Order::HangUp) | None => return,
            },
        };
        stream.write_all(&out).await.unwrap();
    }
}
