//! Authorization: may this request go on?
